// A model folder as a model to use: its graphs, computed by ONNX Runtime in processes of their own. libtorch is not needed.
import { join } from "node:path";
import type { ModelConfig } from "pioneer-runtime";
import { graphPorts, type Model } from "pioneer-runtime/internal";
import { DataError, PioneerError } from "../base/errors.ts";
import { availableThreads } from "../compute/processor.ts";
import { OnnxError, OnnxSession } from "./session.ts";

export interface GraphOptions {
  readonly threads?: number | undefined;
  /** False where the encoder makes no latents, so that it has no graph. */
  readonly hasEncoder?: boolean | undefined;
  /** Told of each file before it is opened, to refuse a damaged one. */
  readonly verify?: ((file: string) => Promise<void>) | undefined;
}

/** What a model says of itself. */
export type ModelFacts = Pick<ModelConfig, "resolution" | "latent" | "colour" | "crop" | "align" | "recipe">;

/**
 * Opens the graphs of a folder; the encoder when it is first needed.
 * @throws DataError if the generator cannot be read; PioneerError if ONNX Runtime is not installed
 */
export async function openGraphs(
  folder: string,
  { resolution, latent, colour, crop, align, recipe }: ModelFacts,
  options: GraphOptions = {},
): Promise<Model> {
  const threads = options.threads ?? availableThreads();
  const images = [3, resolution, resolution];
  const open = async (which: "encoder" | "generator") => {
    await options.verify?.(graphPorts[which].file);
    return openGraph(folder, which, threads);
  };
  const generator = await open("generator");
  let encoder: Promise<OnnxSession> | undefined;
  let disposed = false;
  const checkOpen = () => {
    if (disposed) throw new PioneerError("DISPOSED", `${folder}: the model was disposed of; open it again`);
  };
  const run = async (which: "encoder" | "generator", session: OnnxSession, data: Float32Array, shape: number[]) => {
    const { file, input, output } = graphPorts[which];
    const result = await session.run([{ name: input, data, shape }], output).catch((error: unknown) => {
      throw new DataError(`${join(folder, file)} failed: ${(error as Error).message}`, { cause: error });
    });
    return checked(join(folder, file), result, [shape[0] as number, ...(which === "encoder" ? [latent] : images)]);
  };
  return {
    resolution,
    latent,
    colour,
    crop,
    align,
    async encode(x, count) {
      if (options.hasEncoder === false) throw noEncoder(folder, recipe);
      checkOpen();
      encoder ??= open("encoder");
      return run("encoder", await encoder, x, [count, ...images]);
    },
    async decode(z, count) {
      checkOpen();
      return run("generator", generator, z, [count, latent]);
    },
    dispose() {
      disposed = true;
      generator.close();
      void encoder?.then(
        (session) => session.close(),
        () => undefined,
      );
    },
  };
}

/** A model whose encoder makes no latents. */
export const noEncoder = (path: string, recipe: string): PioneerError =>
  new PioneerError(
    "NO_ENCODER",
    `${path} was trained with the recipe ${recipe}, whose encoder judges images and makes no latents: ` +
      "it can sample; to reconstruct or interpolate, train with accv2018 or balanced",
  );

/** What a graph gave, if it is what it was asked for. @throws DataError */
function checked(
  path: string,
  { data, shape }: { readonly data: Float32Array; readonly shape: readonly number[] },
  wanted: readonly number[],
): Float32Array {
  if (shape.join() !== wanted.join()) {
    throw new DataError(`${path} gave [${shape.join(", ")}], not [${wanted.join(", ")}]: export the model again`);
  }
  if (data.every(Number.isFinite)) return data;
  throw new DataError(
    `${path} gave values that are no finite numbers: its weights are damaged; export the model again`,
  );
}

async function openGraph(folder: string, which: "encoder" | "generator", threads: number): Promise<OnnxSession> {
  const path = join(folder, graphPorts[which].file);
  return OnnxSession.open(path, { threads }).catch((error: unknown) => {
    if (!(error instanceof OnnxError)) throw error;
    if (error.missing) throw new PioneerError("ONNX", `${folder} needs ONNX Runtime: ${error.message}`);
    throw new DataError(`${path} cannot be read by ONNX Runtime (${error.message}): export the model again`, {
      cause: error,
    });
  });
}
