import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { prefixBytes } from "../../src/data/pack/format.ts";
import { openPack, verifyPack } from "../../src/data/pack/pack.ts";
import { partOf } from "../../src/data/pack/writer.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { writeLmdb } from "./sources/lmdb-writer.ts";

/** `make memory` takes as many as LSUN's bedrooms have. */
const images = Number(process.env.IMAGES ?? 200_000);
const few = 2000;
/** Images that are really decoded; the others were, as the journal has it. */
const left = 1000;
const side = 4;
const folder = temporaryFolder();
const cli = fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url));
/** Linux counts the parent's memory into a child's maxRSS, but not into VmHWM. */
const hook = `data:text/javascript,import { readFileSync } from "node:fs";
process.on("exit", () => {
  let kilobytes = process.resourceUsage().maxRSS;
  try { kilobytes = /VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]; } catch {}
  console.error("peak", kilobytes);
});`;

/** Runs a command in a process of its own. @returns the most memory it had, in bytes */
function peakOf(...args: string[]): number {
  // A small young generation, so that less of the peak is what the collector has not looked at yet.
  const node = ["--max-semi-space-size=2", "--import", hook, cli];
  const { status, stderr } = spawnSync(process.execPath, [...node, ...args], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return Number(/peak (\d+)\n/.exec(stderr)?.[1]) * 1024;
}

const nameOf = (i: number) => `${String(i).padStart(8, "0")}${"0123456789abcdef".repeat(2)}`;

/** An LMDB of LSUN's kind, its keys as long as theirs, and a pack of it that is nearly made. */
async function nearlyPacked(count: number): Promise<{ source: string; out: string }> {
  const source = join(folder, `bedroom_${count}_train_lmdb`);
  const out = join(folder, `${count}.pack`);
  mkdirSync(source);
  const image = await sharp(Buffer.alloc(3 * side * side, 80), { raw: { width: side, height: side, channels: 3 } })
    .webp()
    .toBuffer();
  const entries = function* (): Iterable<[string, Buffer]> {
    for (let i = 0; i < count; i++) yield [nameOf(i), image];
  };
  writeLmdb(join(source, "data.mdb"), entries());
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const options = { source, out, resolution: side, colour: "rgb" as const, signal: controller.signal, onProgress };
  await expect(prepareDataset(options)).rejects.toMatchObject({ code: "INTERRUPTED" });
  const done = count - left;
  const bytes = done * 3 * side * side;
  truncateSync(partOf(out), 0);
  truncateSync(partOf(out), prefixBytes + bytes);
  const chunk = 64 * 2 ** 20;
  const zeros = createHash("sha256").update(Buffer.alloc(chunk)).digest("hex");
  const sha256 = Array.from({ length: Math.floor(bytes / chunk) }, () => zeros);
  const journal = `${partOf(out)}.journal`;
  const [key] = readFileSync(journal, "utf8").split("\n");
  const state = { next: done, channels: 3, count: done, sha256, skipped: [], enlarged: 0, beyond: 0 };
  writeFileSync(journal, `${key}\n${JSON.stringify(state)}\n`);
  return { source, out };
}

test("memory for each image, while packing and with the pack open", { timeout: 300_000 }, async () => {
  const [small, large] = [await nearlyPacked(few), await nearlyPacked(images)];
  const prepare = ({ source, out }: { source: string; out: string }) =>
    peakOf("dataset", "prepare", source, out, "--resolution", `${side}`, "--colour", "rgb");
  const info = ({ out }: { out: string }) => peakOf("dataset", "info", out);
  const packing = [prepare(small), prepare(large)] as const;
  const opening = [info(small), info(large)] as const;
  const perImage = ([less, more]: readonly [number, number]) => (more - less) / (images - few);
  const found = `${perImage(packing)} and ${perImage(opening)} bytes an image, ${packing[1]} and ${opening[1]} in all`;
  if (images > 1e6) process.stdout.write(`${found}\n`);

  // Packing holds a name of 40 bytes, 4 for its end, 13 for its place in the LMDB, 4 for being wanted and 4 for its
  // split; at the end 8, twice, for choosing the split: 81. What the collector leaves lying about may be as much again.
  // With strings and objects for each image it was 700; and 180 with the pack open, where the split takes 4 to 8 now.
  expect(perImage(packing), found).toBeLessThan(300);
  expect(perImage(opening), found).toBeLessThan(80);
  expect(packing[1], found).toBeLessThan(700e6);
  expect(opening[1], found).toBeLessThan(300e6);

  const pack = openPack(large.out);
  expect([pack.count, pack.names.length, pack.splits.train?.length]).toEqual([images, images, images - 1000]);
  expect([pack.names.at(0), pack.names.at(images - 1)]).toEqual([nameOf(0), nameOf(images - 1)]);
  await verifyPack(large.out);
});
