import { rename, rm, stat } from "node:fs/promises";
import { z } from "zod";
import { onDisk } from "../base/disk.ts";
import { readWhole } from "../base/read.ts";
import { appendWhole, createWith, openOursLater } from "../base/write.ts";
import { prefixBytes } from "./pack/format.ts";
import { type PackProgress, partOf, promotedOf } from "./pack/writer.ts";

// Beside a `.part` lies `.part.journal`: JSON lines, the first naming source and options, each further one a state
// that is safely on the disk. What was written after the last of them is written again. Whoever goes on cuts off a last
// line that is not whole, so that his own lines can be read.

const skipSchema = z.object({ index: z.int().nonnegative(), reason: z.string() });
const lineSchema = z.object({
  next: z.int().nonnegative(),
  channels: z.union([z.literal(1), z.literal(3)]),
  count: z.int().nonnegative(),
  sha256: z.array(z.string()),
  skipped: z.array(skipSchema),
  enlarged: z.int().nonnegative(),
  beyond: z.number().nonnegative(),
});

/** A line for each state that was made safe, and in it a hundred bytes for each image skipped since. */
const mostJournalBytes = 512 * 2 ** 20;

/** How far packing has come. */
export interface PackingState extends PackProgress {
  /** How many of the wanted images are done, written or skipped. */
  readonly next: number;
  /** Indices into the source's entries. */
  readonly skipped: readonly { readonly index: number; readonly reason: string }[];
  readonly enlarged: number;
  /** Sum of the shares of squares that lie beyond their photos. */
  readonly beyond: number;
}

/**
 * The state to go on from, or undefined where there is none for this source and these options. A promotion to colour
 * that was interrupted is finished or undone.
 * @param path       the pack to be
 * @param key        digest of source and options
 * @param resolution side of its images
 */
export async function readJournal(path: string, key: string, resolution: number): Promise<PackingState | undefined> {
  const text = await readWhole(journalOf(path), mostJournalBytes)
    .then((bytes) => bytes.toString("utf8"))
    .catch(() => "");
  const lines = text.split("\n");
  if (lines[0] !== firstLine(key)) return undefined;
  let state: PackingState | undefined;
  let whole = Buffer.byteLength(`${lines[0]}\n`);
  // What follows the last line break is nothing, or a line cut short.
  for (const line of lines.slice(1, -1)) {
    const parsed = lineSchema.safeParse(parseLine(line));
    if (!parsed.success) break; // not what was to be written: the power failed
    whole += Buffer.byteLength(`${line}\n`);
    const { sha256, skipped, ...rest } = parsed.data;
    // Digests and skipped files are added line by line; a promotion begins the digests anew.
    const earlier = state?.channels === rest.channels ? state.sha256 : [];
    state = { ...rest, sha256: [...earlier, ...sha256], skipped: [...(state?.skipped ?? []), ...skipped] };
  }
  if (state === undefined) return undefined;
  const bytes = prefixBytes + state.count * resolution ** 2 * state.channels;
  if (state.channels === 3 && (await sizeOf(promotedOf(path))) >= bytes) {
    await onDisk(path, () => rename(promotedOf(path), partOf(path)));
  }
  await rm(promotedOf(path), { force: true });
  if ((await sizeOf(partOf(path))) < bytes) return undefined;
  await onDisk(path, async () => {
    const journal = await openOursLater(journalOf(path));
    await journal.truncate(whole).finally(() => journal.close());
  });
  return state;
}

/** Begins a journal; what an earlier one described is void. */
export async function startJournal(path: string, key: string): Promise<void> {
  await rm(promotedOf(path), { force: true });
  await onDisk(path, async () => createWith(journalOf(path), `${firstLine(key)}\n`));
}

/** Adds a state whose pixels are on the disk. @param before the state added last */
export async function addToJournal(path: string, state: PackingState, before: PackingState): Promise<void> {
  const known = state.channels === before.channels ? before.sha256.length : 0;
  const line = {
    ...state,
    sha256: state.sha256.slice(known),
    skipped: state.skipped.slice(before.skipped.length),
  };
  await onDisk(path, async () => appendWhole(journalOf(path), `${JSON.stringify(line)}\n`, { sync: true }));
}

/** Removes what is needed only while packing. */
export async function removeJournal(path: string): Promise<void> {
  await rm(journalOf(path), { force: true });
  await rm(promotedOf(path), { force: true });
}

function journalOf(path: string): string {
  return `${partOf(path)}.journal`;
}

function firstLine(key: string): string {
  return JSON.stringify({ journal: 2, key });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (info) => info.size,
    () => 0,
  );
}
