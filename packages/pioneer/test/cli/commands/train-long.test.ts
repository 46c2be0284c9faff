// A long run of two processes: nothing grows. Here it is short; `make soak` takes 20,000 steps (PIONEER_STEPS), which also tell
// whether memory grows: it does so at first, while buffers and compiled code come, once more by 12 MiB at about step 3,000, and
// then no more.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { checkpoints, Pioneer, ranksOf } from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

const steps = Number(process.env.PIONEER_STEPS ?? 1000);
vi.setConfig({ testTimeout: 300_000 + 100 * steps });

const batch = 4;
const samples = Math.max(20, Math.floor(steps / 200));
/** After which memory is expected to stay as it is. */
const warmUp = 4000;

/** A process as it is: resident bytes, and open files. */
interface Sample {
  readonly ms: number;
  readonly resident: number;
  readonly files: number;
}

/** Undefined of one that has ended. */
function sampleOf(pid: number): Sample | undefined {
  try {
    const kiB = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return { ms: performance.now(), resident: 1024 * Number(kiB), files: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;

function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => join(folder, entry.name))
    .reduce((sum, path) => sum + (statSync(path).isDirectory() ? bytesIn(path) : statSync(path).size), 0);
}

test("memory, open files, step time and the run folder stay as they are", async () => {
  const folder = temporaryFolder();
  const data = (await makePack(folder, 40, 4, discs)).path;
  const kimg = (count: number) => String((count * batch) / 1000);
  const every = `--kimg-per-phase ${kimg(steps)} --total-kimg ${kimg(steps)} --checkpoint-kimg ${kimg(steps / samples)}`;
  const args = [
    ..."train --run long --nproc 2 --resolution 4 --latent 8 --channels 8 --threads 1 --precision fp32 --keep 2".split(
      " ",
    ),
    ...every.split(" "),
    "--data",
    data,
    "--batch",
    String(batch),
    "--grid-kimg",
    kimg(2 * steps),
  ];
  const session = new Pioneer(folder, args);
  const seen: [Sample, Sample][] = [];
  const sizes: number[] = [];
  for (let at = 1; await session.says(/^wrote .*checkpoint/, at); at++) {
    const [first, second] = ranksOf(session).map(sampleOf);
    if (!first || !second) break;
    seen.push([first, second]);
    sizes.push(bytesIn(join(folder, "long")));
  }
  const { code, stderr } = await session.end;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });

  const later = seen.slice(1 + Math.min(samples / 2, Math.ceil((warmUp * samples) / steps)));
  const part = Math.floor(later.length / 3);
  expect(part).toBeGreaterThan(1);
  for (const rank of [0, 1] as const) {
    const all = later.map((each) => each[rank]);
    const [before, after] = [all.slice(0, part), all.slice(-part)];
    const files = (which: readonly Sample[]) => median(which.map((sample) => sample.files));
    // At its lowest: what waits for JavaScript's collector comes and goes, a leak stays.
    const lowest = (which: readonly Sample[]) => Math.min(...which.map(({ resident }) => resident));
    const growth = lowest(after) / lowest(before) - 1;
    const pace = (which: readonly Sample[]) => median(which.slice(1).map(({ ms }, i) => ms - (which[i] as Sample).ms));
    const each = steps / samples;
    console.log(
      `rank ${rank}: memory ${all.map(({ resident }) => (resident / 2 ** 20).toFixed(0)).join(", ")} MiB; ` +
        `steps ${(pace(before) / each).toFixed(2)} ms, then ${(pace(after) / each).toFixed(2)} ms`,
    );
    // A file may be open just then, for a line of the log.
    expect(files(after)).toBeLessThanOrEqual(files(before) + 2);
    if (steps >= 4 * warmUp) expect(growth, "growth of memory at its lowest").toBeLessThan(0.02);
  }
  expect(checkpoints(join(folder, "long")).length).toBeLessThanOrEqual(2);
  // Beside two checkpoints: a line in the log and some numbers for TensorBoard every five seconds.
  console.log(`run folder: ${sizes.map((size) => (size / 1024).toFixed(0)).join(", ")} kB`);
});
