import { expect, test } from "vitest";
import { refine } from "../src/refine.ts";

const onCircle = (angle: number) => Float32Array.of(Math.cos(angle), Math.sin(angle));
const angleOf = (point: Float32Array) => Math.atan2(point[1] ?? 0, point[0] ?? 0);

/** Latents and images are points on a circle; the generator is exact, the encoder triples the angle. */
const tripling = {
  latent: 2,
  decode: async (z: Float32Array) => z.slice(),
  encode: async (x: Float32Array) => onCircle(3 * angleOf(x)),
};

test("a step that makes it worse is taken back and halved, until it comes closer", async () => {
  const [image, start] = [onCircle(0.05), onCircle(0)];
  const errors: number[] = [];
  const onStep = (_step: number, error: number) => errors.push(error);
  // With k = 1 the angle goes from 0 to 0.15, past 0.05 and twice as far from it: the start is kept.
  const first = await refine(tripling, image, start, 1, { onStep });
  expect(first.latent).toEqual(start);
  expect(first.error).toBe(first.firstError);
  // With k = 1/2 each step changes the sign of the distance and halves it: 0.05, 0.025, 0.0125 ...
  const refined = await refine(tripling, image, start, 9, { onStep });
  const factor = 0.5 ** 8;
  expect(Math.abs(angleOf(refined.latent) - 0.05)).toBeLessThan(0.05 * 2 * factor);
  expect(refined.error).toBeLessThan(2 * factor * refined.firstError);
  expect(errors[1]).toBe(errors[0]);
  for (let i = 2; i < errors.length; i++) expect(errors[i]).toBeLessThan(0.6 * (errors[i - 1] ?? 0));
});

test("it ends where nothing better is near, and stops when it is told to", async () => {
  let steps = 0;
  const image = onCircle(0.3);
  const refined = await refine(tripling, image, image, 1000, { onStep: () => steps++ });
  expect(refined.latent).toEqual(image);
  // k from 1 to below 1/1000 in halves
  expect(steps).toBe(10);
  const stop = AbortSignal.abort(new Error("another photo"));
  await expect(refine(tripling, image, undefined, 5, { signal: stop })).rejects.toThrow("another photo");
});
