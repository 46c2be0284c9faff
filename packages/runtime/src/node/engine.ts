import { availableParallelism } from "node:os";
import { openGraphs, openNetwork } from "../engine.ts";
import { firstLine, ModelError } from "../errors.ts";
import type { Engine, EngineOptions, Session, Started } from "../platform.ts";
import { Queue } from "../queue.ts";

type Ort = typeof import("onnxruntime-node");

/** ONNX Runtime on the processor; it fetches nothing. */
export function cpuEngine({ backend, threads }: EngineOptions): Engine {
  if (backend !== "auto" && backend !== "cpu") {
    throw new ModelError("OPTION", `backend: "${backend}" is for pages; in Node it is "cpu" or "auto"`);
  }
  const bounded = threads && Math.min(threads, availableParallelism());
  return {
    fetched: Promise.resolve(),
    async start(graphs, model) {
      // Nothing to compute (only directions were asked for) needs no engine.
      if (Object.keys(graphs).length === 0) return started({}, "nothing to compute");
      const ort = await importOrt();
      const options = { ...(bounded !== undefined && { intraOpNumThreads: bounded }), logSeverityLevel: 3 } as const;
      const sessions = await openGraphs(ort, graphs, options, () => new Queue(), model);
      return started(sessions, `onnxruntime-node ${ort.env.versions.node ?? ""} on this machine's processor`, bounded);
    },
  };
}

function started(sessions: Started["sessions"], reason: string, threads?: number): Started {
  const backend = { name: "cpu", reason, ...(threads !== undefined && { threads }) } as const;
  return { sessions, backend: () => backend, settled: Promise.resolve() };
}

/** Starts a small network of one input x and one output y on one thread: many photos are looked at, side by side. */
export async function startNetworkOnCpu(graph: Uint8Array): Promise<Session> {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
  return openNetwork(await importOrt(), graph, options, new Queue());
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
