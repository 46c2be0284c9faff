import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from "onnxruntime-common";
import { firstLine, ModelError } from "./errors.ts";
import { graphPorts } from "./folder.ts";
import { graphProblem } from "./onnx-file.ts";
import type { Graphs, Session, Sessions, StartOptions } from "./platform.ts";
import { type Queue, untilAborted } from "./queue.ts";
import { queuedSession, releaseAll } from "./sessions.ts";

/** What onnxruntime-node and onnxruntime-web have in common. */
export interface Ort {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/**
 * Networks of graphs, none of which reads anything beside itself.
 * @param queue of each session: where it may be shared, calls of all its sessions wait for each other
 * @param model what goes in and comes out, which is compared with what does come out
 * @throws ModelError DAMAGED or BACKEND; nothing is left open then
 */
export async function openGraphs(
  ort: Ort,
  graphs: Graphs,
  options: InferenceSession.SessionOptions,
  queue: () => Queue,
  model: Pick<StartOptions, "latent" | "resolution" | "signal">,
): Promise<Sessions> {
  const sessions: { encoder?: Session; generator?: Session } = {};
  try {
    for (const part of ["encoder", "generator"] as const) {
      const graph = graphs[part];
      if (graph) sessions[part] = await openGraph(ort, part, graph, options, queue(), model);
    }
    return sessions;
  } catch (error) {
    await releaseAll(sessions);
    throw error;
  }
}

async function openGraph(
  ort: Ort,
  part: keyof Graphs,
  graph: Uint8Array,
  options: InferenceSession.SessionOptions,
  queue: Queue,
  { latent, resolution, signal }: Pick<StartOptions, "latent" | "resolution" | "signal">,
): Promise<Session> {
  const { file, input, output } = graphPorts[part];
  const problem = graphProblem(graph);
  if (problem !== undefined) throw new ModelError("DAMAGED", `${file} ${problem}: export the model again`);
  const created = queue.run(async () => {
    signal?.throwIfAborted();
    return ort.InferenceSession.create(graph, options);
  });
  let session: InferenceSession;
  try {
    session = await (signal ? untilAborted(created, signal) : created);
  } catch (error) {
    // What cannot be stopped goes on; nobody waits for it, and it is freed when it is there.
    void created.then(
      (late) => queue.run(() => late.release()),
      () => undefined,
    );
    signal?.throwIfAborted();
    throw new ModelError("BACKEND", `${file} cannot be started: ${firstLine(error)}`, { cause: error });
  }
  if (session.inputNames.join() !== input || session.outputNames.join() !== output) {
    await queue.run(() => session.release());
    const found = `${session.inputNames.join(", ")} -> ${session.outputNames.join(", ")}`;
    throw new ModelError(
      "DAMAGED",
      `${file} is a graph of ${found}, not ${input} -> ${output}: export the model again`,
    );
  }
  const given = part === "encoder" ? [latent] : [3, resolution, resolution];
  const compute = async (data: Float32Array, shape: readonly number[]) => {
    let result: Awaited<ReturnType<InferenceSession["run"]>>[string] | undefined;
    try {
      result = (await session.run({ [input]: new ort.Tensor("float32", data, shape) }))[output];
    } catch (error) {
      throw new ModelError("BACKEND", `the ${part} failed: ${firstLine(error)}${realmMend(error)}`, { cause: error });
    }
    const wanted = [shape[0], ...given].join(", ");
    if (result?.data instanceof Float32Array && result.dims.join(", ") === wanted) return result.data;
    const got = result ? `${result.type} [${result.dims.join(", ")}]` : "nothing";
    throw new ModelError("DAMAGED", `${file} gave ${got}, not float32 [${wanted}]: export the model again`);
  };
  return queuedSession(queue, compute, () => session.release());
}

/** ONNX Runtime's binding makes arrays of Node's own realm, which its tensors refuse where jest gave them another one. */
function realmMend(error: unknown): string {
  if (!firstLine(error).includes("tensor's data must be type of")) return "";
  return '; in jest, set this.global.Float32Array = Float32Array in a testEnvironment (README of pioneer-runtime, "Where it runs")';
}

/**
 * A network with the input x and the output y, of a graph that was made here.
 * @throws ModelError BACKEND
 */
export async function openNetwork(
  ort: Ort,
  graph: Uint8Array,
  options: InferenceSession.SessionOptions,
  queue: Queue,
): Promise<Session> {
  const session = await queue
    .run(() => ort.InferenceSession.create(graph, options))
    .catch((error: unknown) => {
      throw new ModelError("BACKEND", `a network that finds faces cannot be started: ${firstLine(error)}`, {
        cause: error,
      });
    });
  return {
    run: (data, shape, signal) =>
      queue.run(async () => {
        const { y } = await session.run({ x: new ort.Tensor("float32", data, shape) });
        return y?.data as Float32Array;
      }, signal),
    release: () => queue.run(() => session.release()),
  };
}
