// A model on a thread of its own: what the page asks of it (worker-platform.ts) and what computes here.
import type { FacePoints } from "../align.ts";
import { ModelError } from "../errors.ts";
import { squareOf } from "../inputs.ts";
import type { SeenAs } from "../model.ts";
import type { Photo } from "../pixels.ts";
import type { Backend, Engine, Graphs, OnBytes, Sessions, Started } from "../platform.ts";
import { type PageEngineOptions, pageEngine } from "./engine.ts";
import { decodePhoto } from "./photo.ts";
import { answer } from "./rpc.ts";

/** A worker has one model. */
let engine: Engine | undefined;
let started: Started | undefined;

const photos = {
  decode: decodePhoto,
  readPhoto: () => Promise.reject(new ModelError("IMAGE", "addresses are read by the page")),
};

const handlers = {
  async fetch(options: Omit<PageEngineOptions, "signal">, onBytes: OnBytes): Promise<void> {
    engine = pageEngine({ ...options, signal: undefined }, onBytes);
    await engine.fetched;
  },
  async start(graphs: Graphs, latent: number, resolution: number, onCheck: () => void): Promise<Backend> {
    started = await (engine as Engine).start(graphs, { latent, resolution, onCheck, signal: undefined });
    return started.backend();
  },
  async settled(): Promise<Backend> {
    await (started as Started).settled;
    return (started as Started).backend();
  },
  run: (part: keyof Sessions, input: Float32Array, shape: readonly number[]) =>
    started?.sessions[part]?.run(input, shape),
  square: (photo: Photo, face: FacePoints | undefined, shape: SeenAs) =>
    squareOf(photos, photo, face, shape, undefined),
};

export type ModelWorker = typeof handlers;

answer(handlers);
