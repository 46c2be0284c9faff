import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { expect, onTestFinished, test } from "vitest";
import { compare } from "../src/compare.ts";
import { openGraphs } from "../src/engine.ts";
import type { Graphs, Sessions } from "../src/platform.ts";
import { Queue } from "../src/queue.ts";
import { fixture } from "./support/fixtures.ts";

const [encoder, generator] = ["encoder", "generator"].map(
  (part) => new Uint8Array(readFileSync(fixture(`model-tiny/${part}.onnx`))),
) as [Uint8Array, Uint8Array];
const options = { latent: 16, resolution: 16, signal: undefined };

async function open(graphs: Graphs): Promise<Sessions> {
  const sessions = await openGraphs(ort, graphs, {}, () => new Queue(), options);
  onTestFinished(async () => {
    await Promise.all(Object.values(sessions).map((session) => session.release()));
  });
  return sessions;
}

/** A graph with 200 of its weights changed, some by powers of two: what a driver that computes wrongly looks like. */
function wrong(graph: Uint8Array): Uint8Array {
  const middle = Math.floor(graph.length / 2);
  return graph.map((byte, i) => (Math.abs(i - middle) < 400 ? byte ^ 0x01 : byte));
}

test("engines that compute the same agree, with both networks or one", async () => {
  const good = await open({ encoder, generator });
  expect(await compare(good, await open({ encoder, generator }), options)).toBeUndefined();
  expect(await compare(await open({ encoder }), await open({ encoder }), options)).toBeUndefined();
});

test("an engine that computes other images or latents is found out", async () => {
  const good = await open({ encoder, generator });
  const images = await compare(await open({ encoder, generator: wrong(generator) }), good, options);
  expect(images).toMatch(/^WebGPU's images differ from WASM's by up to /);
  const latents = await compare(await open({ encoder: wrong(encoder), generator }), good, options);
  expect(latents).toMatch(/^WebGPU's latents differ from WASM's \(mean cosine /);
  const alone = await compare(await open({ encoder: wrong(encoder) }), await open({ encoder }), options);
  expect(alone).toMatch(/^WebGPU's latents differ/);
});
