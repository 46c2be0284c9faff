// The lines of stats.jsonl, read from where the last reader stopped.
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type StatsAnswer, type Tick, tickSchema } from "../../shared/runs.ts";

const statsFile = "stats.jsonl";

/** How much of the end of the file is read for its last line. */
const tailBytes = 64 * 1024;

/** At most so much is read at once; who wants the rest asks again. */
const mostBytes = 16 * 2 ** 20;

/** Where nothing was read yet. */
export const beginning = "0-0";

/**
 * The whole lines after a cursor. A cursor is the file's inode and a number of bytes: a run that goes on from an earlier
 * checkpoint writes the file anew.
 */
export async function readTicks(run: string, from: string = beginning): Promise<StatsAnswer> {
  return withStats(run, { ticks: [], next: beginning, restarted: from !== beginning }, async (file) => {
    const { ino, size } = await file.stat();
    const [inode, bytes] = from.split("-").map(Number) as [number, number];
    const goesOn = inode === ino && bytes <= size;
    const start = goesOn ? bytes : 0;
    const text = await readFrom(file, start, Math.min(size, start + mostBytes));
    // The last line may be half written.
    const end = text.lastIndexOf(0x0a) + 1;
    const ticks = ticksOf(text.subarray(0, end).toString());
    return { ticks, next: `${ino}-${start + end}`, restarted: !goesOn && from !== beginning };
  });
}

/** The cursor after the last whole line. */
export async function endOfTicks(run: string): Promise<string> {
  return withStats(run, beginning, async (file) => {
    const { ino, start, bytes } = await tailOf(file);
    return `${ino}-${start + bytes.lastIndexOf(0x0a) + 1}`;
  });
}

/** The newest whole line. */
export async function lastTick(run: string): Promise<Tick | null> {
  return withStats(run, null, async (file) => {
    const { bytes } = await tailOf(file);
    for (const line of bytes.toString().split("\n").reverse()) {
      const tick = tickOf(line);
      if (tick) return tick;
    }
    return null;
  });
}

/** @param none what there is where the run has written nothing */
async function withStats<T>(run: string, none: T, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(join(run, statsFile)).catch(() => undefined);
  if (!file) return none;
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

/** The file's end, and where it begins. */
async function tailOf(file: FileHandle): Promise<{ ino: number; start: number; bytes: Buffer }> {
  const { ino, size } = await file.stat();
  const start = Math.max(0, size - tailBytes);
  return { ino, start, bytes: await readFrom(file, start, size) };
}

async function readFrom(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}

/** Lines that are no status lines, as one that a killed process cut off, are left out. */
const ticksOf = (text: string): Tick[] =>
  text
    .split("\n")
    .map(tickOf)
    .filter((tick) => tick !== undefined);

function tickOf(line: string): Tick | undefined {
  try {
    return tickSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
