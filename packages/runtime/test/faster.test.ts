import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { openGraphs } from "../src/engine.ts";
import { faster } from "../src/faster.ts";
import type { Session, Sessions } from "../src/platform.ts";
import { Queue } from "../src/queue.ts";
import { Switch } from "../src/switch.ts";
import { expected, fixture, worst } from "./support/fixtures.ts";

const size = { latent: 16, resolution: 16 };
const latents = Float32Array.from(expected.latents);
const never = new AbortController().signal;

async function open(change: (graph: Uint8Array) => Uint8Array = (graph) => graph): Promise<Sessions> {
  const graphs = { generator: change(new Uint8Array(readFileSync(fixture("model-tiny/generator.onnx")))) };
  const sessions = await openGraphs(ort, graphs, {}, () => new Queue(), { ...size, signal: undefined });
  onTestFinished(async () => {
    await sessions.generator?.release();
  });
  return sessions;
}

/** Computes everything fifty times: slower than the other on any machine. */
function slow(sessions: Sessions): Sessions {
  const generator = sessions.generator as Session;
  const run: Session["run"] = async (...call) => {
    for (let i = 1; i < 50; i++) await generator.run(...call);
    return generator.run(...call);
  };
  return { generator: { run, release: () => generator.release() } };
}

/** A graph with 200 of its weights changed: what a driver that computes wrongly looks like. */
function wrong(graph: Uint8Array): Uint8Array {
  const middle = Math.floor(graph.length / 2);
  return graph.map((byte, i) => (Math.abs(i - middle) < 400 ? byte ^ 0x01 : byte));
}

/** Whether a session was released: it computes no more. */
const isReleased = ({ generator }: Sessions) =>
  (generator as Session).run(latents.slice(0, 16), [1, 16]).then(
    () => false,
    (error: { code: string }) => error.code === "DISPOSED",
  );

describe("of two engines", () => {
  test("the one that takes less time is found, and both times with it", async () => {
    const [wasm, webgpu] = [slow(await open()), await open()];
    const found = await faster(wasm, async () => webgpu, size, never, 0);
    expect(found.sessions).toBe(webgpu);
    expect(found.milliseconds.webgpu).toBeLessThan(found.milliseconds.wasm);
    expect(found.reason).toMatch(/^WASM draws a picture in [\d.]+ ms, WebGPU in [\d.]+ ms$/);
  });

  test("a slower one, and a faster one that computes wrongly, are let go", async () => {
    const slower = slow(await open());
    const kept = await faster(await open(), async () => slower, size, never, 0);
    expect(kept.sessions).toBeUndefined();
    expect(kept.milliseconds.webgpu).toBeGreaterThan(kept.milliseconds.wasm);
    expect(await isReleased(slower)).toBe(true);
    const faulty = await open(wrong);
    const found = await faster(slow(await open()), async () => faulty, size, never, 0);
    expect(found.sessions).toBeUndefined();
    expect(found.reason).toContain("WebGPU's images differ from WASM's by up to");
    expect(await isReleased(faulty)).toBe(true);
  });

  test("WebGPU is not fetched where WASM is fast enough, and does not stay once nobody needs it", async () => {
    const fetched = () => Promise.reject(new Error("it was fetched"));
    const found = await faster(await open(), fetched, size, never, Number.POSITIVE_INFINITY);
    expect(found).toEqual({
      reason: expect.stringContaining("WebGPU was not tried"),
      milliseconds: { wasm: expect.any(Number) },
    });
    const stop = new AbortController();
    const webgpu = await open();
    const late = faster(
      slow(await open()),
      async () => {
        stop.abort(new Error("disposed of"));
        return webgpu;
      },
      size,
      stop.signal,
      0,
    );
    await expect(late).rejects.toThrow("disposed of");
    expect(await isReleased(webgpu)).toBe(true);
  });
});

describe("sessions that another engine takes over", () => {
  const backend = (name: "wasm" | "webgpu") => ({ name, reason: "" });

  test("go on computing the same; the first engine's are freed, and with them the last", async () => {
    const [first, second] = [await open(), await open()];
    const networks = new Switch(first, backend("wasm"));
    const { generator } = networks.sessions as { generator: Session };
    const before = generator.run(latents, [3, 16]);
    networks.replace(second, backend("webgpu"));
    expect(networks.backend.name).toBe("webgpu");
    expect(worst(await before, expected.images)).toBeLessThan(1e-5);
    expect(worst(await generator.run(latents, [3, 16]), expected.images)).toBeLessThan(1e-5);
    expect(await isReleased(first)).toBe(true);
    await generator.release();
    expect(networks.signal.aborted).toBe(true);
    expect(await isReleased(second)).toBe(true);
  });

  test("after they were released, what is found late is freed at once", async () => {
    const [first, late] = [await open(), await open()];
    const networks = new Switch(first, backend("wasm"));
    await networks.sessions.generator?.release();
    networks.replace(late, backend("webgpu"));
    expect(await isReleased(late)).toBe(true);
    expect(networks.backend.name).toBe("wasm");
  });
});
