// Moves mended by what they do to pictures: carried out, drawn, encoded again and read. docs/editing.md derives it.
import { longestMove, type Model, shifted } from "pioneer-runtime/internal";
import { operator, scope, type Tensor, tensor } from "pioneer-torch";
import { evenIndices } from "../base/evenly.ts";
import { throughPictures } from "../images/batches.ts";
import type { Latents, Move } from "./learn.ts";
import { rowsOf } from "./regression.ts";
import { meanDirection, tangentsAt } from "./tangent.ts";

const pinv = operator<[x: Tensor, rcond: number], Tensor>("aten::linalg_pinv");

/** [move][attribute]: deviations of what is read that the attribute goes by when the strength goes up by 1. */
type Effects = readonly (readonly number[])[];

/** Images that each move is carried out on, to be mended and to be judged. */
const images = { learned: 200, heldOut: 100 };
/** A move that shows by less is not mended: the generator does not draw what it is meant for. */
const leastShown = 0.2;
/** Combinations of moves that show by less than this share of the strongest are not asked for. */
const leastSingular = 0.02;
/** A mended move is taken that shows its attribute by so many deviations, or nearly as many as before, ... */
const own = { least: 0.6, most: 1.4, nearly: 0.9 };
/** ... and moves none of those it keeps by more than this share of its own, or by a clearly smaller one than before. */
const leak = { least: 0.1, clearly: 0.9 };

/**
 * Each move, combined with those of what it is to leave alone so that its attribute is seen to go by one deviation and the
 * others to stay. One that is no better for it is left as it is.
 * @param moves the first `count` to be mended, then those of more attributes to be left alone
 * @returns all, the first `count` mended
 * @param onProgress told how many pictures were drawn and encoded, of `picturesTried`
 */
export async function calibrate(
  model: Model,
  latents: Latents,
  moves: readonly Move[],
  count: number,
  onProgress?: (pictures: number) => void,
): Promise<Move[]> {
  const reading = readingOf(latents, moves);
  let tried = 0;
  const onDone = (pictures: number) => {
    tried += pictures;
    onProgress?.(tried);
  };
  const effectsOf = async (shifts: readonly Float64Array[], of: Float32Array): Promise<Effects> => {
    const effects: number[][] = [];
    for (const shift of shifts) effects.push(await carriedOut(model, shift, of, reading, onDone));
    return effects;
  };
  const shifts = moves.map(({ shift }) => shift);
  const effects = await effectsOf(shifts, someOf(latents, latents.fitted, images.learned));
  const mended = shifts.slice(0, count).map((_, i) => mendedShift(moves, effects, i));
  const heldOut = someOf(latents, latents.heldOut, images.heldOut);
  const before = await effectsOf(shifts.slice(0, count), heldOut);
  const after = await effectsOf(mended, heldOut);
  return moves.map((move, i) => {
    if (i >= count) return move;
    const [old, now] = [before[i], after[i]] as [number[], number[]];
    const better = isBetter(now, old, i, move.keeps);
    const shown = shownBy(moves, better ? now : old, i, heldOut.length / latents.latent);
    return { ...move, shift: better ? (mended[i] as Float64Array) : move.shift, shown };
  });
}

/** Pictures that `calibrate` draws and encodes: each move up and down, those to be mended before it and after. */
export function picturesTried({ fitted, heldOut }: Pick<Latents, "fitted" | "heldOut">, count: number, held: number) {
  const [learned, judged] = [Math.min(images.learned, fitted.length), Math.min(images.heldOut, heldOut.length)];
  return 2 * ((count + held) * learned + 2 * count * judged);
}

/** How attributes are told of latents. */
interface Reading {
  /** [latent], where tangents are taken. */
  readonly pole: Float64Array;
  /** [attributes * latent]; of a tangent they tell each attribute in deviations of what they tell of all. */
  readonly readers: Float64Array;
}

function readingOf({ values, latent, fitted }: Latents, moves: readonly Move[]): Reading {
  return scope(() => {
    const pole = meanDirection(values, latent, fitted);
    const readers = tensor(Float64Array.from(moves.flatMap(({ reader }) => [...reader])), [moves.length, latent]);
    const told = rowsOf(tangentsAt(pole, values), fitted).matmul(readers.transpose(0, 1));
    const deviations = told
      .sub(told.mean([0], true))
      .square()
      .mean([0])
      .sqrt();
    return {
      pole: pole.toTypedArray() as Float64Array,
      readers: readers.div(deviations.reshape([-1, 1])).toTypedArray() as Float64Array,
    };
  });
}

/** Half of what is told between strength 1 and -1, of each attribute the mean over the latents. */
async function carriedOut(
  model: Model,
  shift: Float64Array,
  of: Float32Array,
  { pole, readers }: Reading,
  onDone: (pictures: number) => void,
): Promise<number[]> {
  const seen = (move: Float64Array) => throughPictures(model, shifted(of, move), onDone);
  const [up, down] = [await seen(shift), await seen(shift.map((value) => -value))];
  return scope(() => {
    const there = (latents: Float32Array) => tangentsAt(tensor(pole), latents).mean([0]);
    const half = there(up).sub(there(down)).div(2);
    return [
      ...(tensor(readers, [readers.length / pole.length, pole.length])
        .matmul(half)
        .toTypedArray() as Float64Array),
    ];
  });
}

/** Σ c · shift of a move and those of what it keeps, with c · effects = 1 of its own attribute and 0 of theirs. */
function mendedShift(moves: readonly Move[], effects: Effects, i: number): Float64Array {
  const { shift, keeps } = moves[i] as Move;
  if (!((effects[i]?.[i] as number) >= leastShown)) return shift;
  const among = [i, ...keeps];
  const square = among.flatMap((j) => among.map((k) => effects[j]?.[k] as number));
  const shares = scope(() => {
    const inverse = pinv(tensor(Float64Array.from(square), [among.length, among.length]), leastSingular);
    return inverse.select(0, 0).toTypedArray() as Float64Array;
  });
  const mended = shift.map((_, at) =>
    among.reduce((sum, j, k) => sum + (shares[k] as number) * (moves[j]?.shift[at] as number), 0),
  );
  const scale = Math.min(1, longestMove / Math.hypot(...mended));
  return mended.map((value) => scale * value);
}

function isBetter(now: readonly number[], old: readonly number[], i: number, kept: readonly number[]): boolean {
  const [is, was] = [now[i] as number, old[i] as number];
  const leakOf = (row: readonly number[]) =>
    Math.max(0, ...kept.map((j) => Math.abs(row[j] as number))) / Math.max(1e-9, row[i] as number);
  const shows = is >= Math.min(own.least, own.nearly * was) && is <= Math.max(own.most, was);
  return shows && leakOf(now) <= Math.max(leak.least, leak.clearly * leakOf(old));
}

function shownBy(
  moves: readonly Move[],
  row: readonly number[],
  i: number,
  images: number,
): NonNullable<Move["shown"]> {
  const others = moves.map(({ name }, j) => ({ name, effect: row[j] as number })).filter((_, j) => j !== i);
  const [most] = others.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  return { images, own: row[i] as number, ...(most && { other: most }) };
}

function someOf({ values, latent }: Latents, rows: readonly number[], most: number): Float32Array {
  const chosen = evenIndices(rows.length, most).map((index) => rows[index] as number);
  const some = new Float32Array(chosen.length * latent);
  for (const [i, row] of chosen.entries()) some.set(values.subarray(row * latent, (row + 1) * latent), i * latent);
  return some;
}
