// Test images and features by the formulas of fixtures/metrics/make-reference.py, and what other programs say of them.
import { readFileSync } from "node:fs";
import { scope, setThreads, type Tensor, tensor } from "pioneer-torch";
import { expect } from "vitest";
import { fixture } from "../support/fixture.ts";

setThreads(1);

interface Frechet {
  readonly mean: [number[], number[]];
  readonly covariance: [number[][], number[][]];
  readonly distance: number;
}

/** Numbers from scikit-image, piq, torchmetrics, mpmath, ONNX's reference implementation, and numpy. */
export const reference = JSON.parse(readFileSync(fixture("metrics/reference.json"), "utf8")) as {
  ssim: number[];
  psnr: number[];
  l1: number;
  rmse: number;
  msssim_grey_192_piq: number[];
  msssim_16: number[];
  msssim_32: number[];
  msssim_64: number[];
  msssim_192: number[];
  pyramid: { size: number; first: number[]; last: number[]; rms: number }[];
  swd_fixed: number[];
  swd_random: { mean: number[]; deviation: number[] };
  frechet: Record<string, Frechet>;
  fid_torchmetrics: number;
  kid: number;
  kid_torchmetrics: number;
  precision: number;
  recall: number;
  effective_rank: number;
  kl: number;
  far: { mean: number[]; covariance: number[][] };
  features: number[][];
  features_bytes: number[][];
  distance: number[];
};

const triangle = (t: number) => Math.min(255, Math.abs((((t % 256) + 256) % 256) - 128) * 2);

const pixel = (k: number, size: number, c: number, y: number, x: number) => {
  const base = triangle(Math.floor(((x * (k + 1) * 3 + y * (c + 2) * 2) * 64) / size) + 17 * k);
  const texture = (x * 7 + y * 13 * (k + 1) + c * 29 + x * y) % 37;
  return Math.min(255, Math.floor((base * 7) / 8) + texture);
};

const damagedPixel = (k: number, size: number, c: number, y: number, x: number) =>
  Math.min(255, Math.floor((3 * pixel(k, size, c, y, x) + triangle(y * 4 + 31 * k)) / 4) + ((x * y + k) % 5));

/** The first `count` test images, or their damaged versions. @returns uint8 [count, 3, size, size] */
export function pictures(count: number, size: number, kind: "whole" | "damaged" = "whole"): Tensor {
  const at = kind === "whole" ? pixel : damagedPixel;
  const values = new Uint8Array(count * 3 * size * size);
  let i = 0;
  for (let k = 0; k < count; k++)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) values[i++] = at(k, size, c, y, x);
  return tensor(values, [count, 3, size, size]);
}

/** Rows in [0, 1). @returns float64 [rows, columns] */
export function features(rows: number, columns: number, salt: number): Tensor {
  const values = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    return ((i * 3181 + j * 1723 + i * j * 709 + i * i * salt) % 10007) / 10007;
  });
  return tensor(values, [rows, columns]);
}

export const numbers = (value: Tensor): number[] =>
  scope(() => [...(value.to("float64").toTypedArray() as Float64Array)]);

/** Every element within `relative` of what was expected. */
export function expectClose(got: readonly number[], expected: readonly number[], relative: number): void {
  expect(got.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    const error = Math.abs((got[i] as number) - value);
    const allowed = relative * Math.abs(value);
    if (!(error <= allowed)) throw new Error(`element ${i}: got ${got[i]}, expected ${value} ± ${allowed}`);
  }
}
