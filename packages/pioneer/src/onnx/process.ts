// Runs one ONNX network in a process of its own, on the CPU: ONNX Runtime and libtorch do not always end well together where
// CUDA is in play (docs/design.md).
import type { InferenceSession } from "onnxruntime-node";
import { graphProblem } from "pioneer-runtime/internal";
import { answerParent } from "../base/answer-parent.ts";
import { largestGraph, readWhole } from "../base/read.ts";
import type { FromNetwork, Port, ToNetwork } from "./protocol.ts";

let session: InferenceSession | undefined;

answerParent(answer);

async function answer(message: ToNetwork): Promise<FromNetwork> {
  let runtime: typeof import("onnxruntime-node");
  try {
    runtime = await import("onnxruntime-node");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    return { kind: "failed", missing, message: `onnxruntime-node does not load: ${firstLine(error)}` };
  }
  try {
    if (message.kind === "open") {
      // Not by its path: what is checked is what is computed.
      const bytes = await readWhole(message.path, largestGraph);
      const problem = graphProblem(bytes);
      if (problem !== undefined) return { kind: "failed", missing: false, message: `it ${problem}` };
      session = await runtime.InferenceSession.create(bytes, {
        executionProviders: ["cpu"],
        intraOpNumThreads: message.threads,
        logSeverityLevel: 4,
      });
      return { kind: "opened", inputs: session.inputMetadata.map(port), outputs: session.outputMetadata.map(port) };
    }
    const feeds = message.feeds.map(({ name, data, shape }) => {
      const tensor =
        data instanceof Uint8Array
          ? new runtime.Tensor("uint8", data, shape)
          : new runtime.Tensor("float32", data, shape);
      return [name, tensor] as const;
    });
    const results = await (session as InferenceSession).run(Object.fromEntries(feeds), [message.output]);
    const result = results[message.output];
    if (!(result?.data instanceof Float32Array)) {
      return { kind: "failed", missing: false, message: `output ${message.output} is ${result?.type}, not float32` };
    }
    return { kind: "result", data: result.data, shape: result.dims };
  } catch (error) {
    return { kind: "failed", missing: false, message: firstLine(error) };
  }
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";

function port(metadata: InferenceSession.ValueMetadata): Port {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: [...metadata.shape] }
    : { name: metadata.name, type: "other", shape: [] };
}
