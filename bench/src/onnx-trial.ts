// Times exported graphs in ONNX Runtime, in a process of its own that never loads libtorch: node onnx-trial.js JSON. Prints one object.
import { readFileSync } from "node:fs";
import type { InferenceSession } from "onnxruntime-node";
import type { Spread } from "./spread.ts";

export interface OnnxTrial {
  /** Of onnxruntime-node, or of onnxruntime-web's build for pages, which Node runs too; the latter on one thread. */
  readonly engine: "node" | "wasm";
  readonly files: { readonly encode: string; readonly decode: string };
  readonly latent: number;
  readonly resolution: number;
  readonly batch: number;
  readonly threads: number;
  readonly least: { readonly runs: number; readonly seconds: number };
}

/** Seconds of one call with one image, and with a batch. */
export interface Direction {
  readonly single: Spread;
  readonly batch: Spread;
}

export interface OnnxTiming {
  readonly encode: Direction;
  readonly decode: Direction;
  /** Seconds from nothing loaded to the first decoded image, and to the first encoded one beside it. */
  readonly cold: { readonly decode: number; readonly both: number };
}

const spreadOf = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;
  return { median: at(0.5), min: at(0), max: at(1) };
};

async function opener({ engine, threads }: OnnxTrial) {
  if (engine === "wasm") {
    const { InferenceSession, Tensor, env } = await import("onnxruntime-web/wasm");
    env.wasm.numThreads = 1;
    const open = (file: string) => InferenceSession.create(readFileSync(file), { executionProviders: ["wasm"] });
    return { Tensor, open };
  }
  // ONNX Runtime from 1.29 on tells Microsoft of its use unless it is told not to.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const open = (file: string) =>
    InferenceSession.create(file, { executionProviders: ["cpu"], intraOpNumThreads: threads });
  return { Tensor, open };
}

async function time(trial: OnnxTrial): Promise<OnnxTiming> {
  const { engine, files, latent, resolution, batch, least } = trial;
  const start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  const { Tensor, open } = await opener(trial);
  const images = [3, resolution, resolution];
  const call = (session: InferenceSession, count: number, shape: readonly number[]) => {
    const dims = [count, ...shape];
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.sin(1.7 * i));
    // Latents are of length 1; the length changes nothing about the time.
    const scaled = shape.length === 1 ? data.map((value) => value * Math.sqrt(2 / latent)) : data;
    const feeds = { [session.inputNames[0] as string]: new Tensor("float32", scaled, dims) };
    return () => session.run(feeds);
  };
  const generator = await open(files.decode);
  await call(generator, 1, [latent])();
  const decode = since();
  const encoder = await open(files.encode);
  await call(encoder, 1, images)();
  const both = since();
  const direction = async (session: InferenceSession, shape: readonly number[]): Promise<Direction> => {
    const measure = async (count: number) => {
      const run = call(session, count, shape);
      // V8 compiles WebAssembly again, and better, while its first calls run.
      for (let i = 0; i < (engine === "wasm" ? 5 : 1); i++) await run();
      const seconds: number[] = [];
      for (let total = 0; seconds.length < least.runs || total < least.seconds; total += seconds.at(-1) as number) {
        const began = performance.now();
        await run();
        seconds.push((performance.now() - began) / 1000);
      }
      return spreadOf(seconds);
    };
    return { single: await measure(1), batch: await measure(batch) };
  };
  return {
    encode: await direction(encoder, images),
    decode: await direction(generator, [latent]),
    cold: { decode, both },
  };
}

console.log(JSON.stringify(await time(JSON.parse(process.argv[2] as string) as OnnxTrial)));
