import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A path in the repository. */
export const inRepository = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
export const fixture = (path: string): string => inRepository(`fixtures/${path}`);

/** What libtorch made of three latents, and of those images. */
export const expected = JSON.parse(readFileSync(fixture("model-tiny.expected.json"), "utf8")) as {
  latents: number[];
  images: number[];
  codes: number[];
};

/** A copy of model-tiny for one test, its files changed; config.json describes the changed ones. */
export function changedModel(
  change: { readonly files?: Record<string, string>; readonly config?: object } = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-runtime-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(fixture("model-tiny"), folder, { recursive: true });
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as { files: object };
  const digests = Object.entries(change.files ?? {}).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return [name, { bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") }];
  });
  const files = { ...config.files, ...Object.fromEntries(digests) };
  writeFileSync(path, JSON.stringify({ ...config, files, ...change.config }));
  return folder;
}

/** A directions.json with one direction of model-tiny, along its first axis. */
export const oneDirection = JSON.stringify({
  format: 1,
  latent: 16,
  directions: {
    smile: { vector: [1, ...Array(15).fill(0)], unit: 0.25, method: "linear", orthogonal: false },
  },
});

/** The largest difference of two arrays of one length. */
export function worst(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  return Array.from(got).reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
}
