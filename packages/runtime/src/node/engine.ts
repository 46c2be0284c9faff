import { openGraphs } from "../engine.ts";
import { firstLine, ModelError } from "../errors.ts";
import type { Backend, Graphs, Sessions, StartOptions } from "../platform.ts";
import { Queue } from "../queue.ts";

type Ort = typeof import("onnxruntime-node");

/** Starts the graphs on the processor. */
export async function startOnCpu(
  graphs: Graphs,
  { backend, threads, ...model }: StartOptions,
): Promise<{ sessions: Sessions; backend: Backend }> {
  if (backend !== "auto" && backend !== "cpu") {
    throw new ModelError("OPTION", `backend: "${backend}" is for pages; in Node it is "cpu" or "auto"`);
  }
  // Nothing to compute (only directions were asked for) needs no engine.
  if (Object.keys(graphs).length === 0) return { sessions: {}, backend: { name: "cpu", reason: "nothing to compute" } };
  const ort = await importOrt();
  const options = { ...(threads !== undefined && { intraOpNumThreads: threads }), logSeverityLevel: 3 } as const;
  const sessions = await openGraphs(ort, graphs, options, () => new Queue(), model);
  return {
    sessions,
    backend: { name: "cpu", reason: `onnxruntime-node ${ort.env.versions.node ?? ""} on this machine's processor` },
  };
}

async function importOrt(): Promise<Ort> {
  // ONNX Runtime from 1.29 on tells Microsoft of its use unless it is told not to, before it is loaded.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new ModelError(
      "INSTALL",
      `Node needs the package onnxruntime-node: npm install onnxruntime-node (${firstLine(error)})`,
      { cause: error },
    );
  }
}
