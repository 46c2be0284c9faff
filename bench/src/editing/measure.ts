// What an edit does to images, in parameters of drawn faces: how far each goes when a code is moved along one's direction.
import { directionsFromPack, openPack, PackPixels, phaseOf } from "pioneer-networks/torch";
import { type DirectionsFile, edit, type Model } from "pioneer-runtime";
import { scope, tensor } from "pioneer-torch";
import { type Labelled, Regressor } from "./regressor.ts";

export interface EditingTrial {
  readonly model: Model;
  /** A pack of drawn faces; its split `test` is what is edited. */
  readonly pack: string;
  /** Parameters to learn directions of, and to read off the pixels. */
  readonly parameters: readonly string[];
  /** Training steps of the network that reads. */
  readonly steps: number;
  readonly seed: number;
  /** Images to learn directions from, at most. */
  readonly count: number;
  readonly onProgress?: (line: string) => void;
}

/** How well one parameter is read off images whose true value is known; 1 is perfect. */
export interface Legibility {
  /** R² on drawings that the network has not seen. */
  readonly drawn: number;
  /** R² on what the model makes of them: what it keeps, and the network can still read. */
  readonly reconstructed: number;
}

/** [direction moved][parameter read]: how many of its deviations the parameter goes when the strength goes up by 1. */
export type Effects = readonly (readonly number[])[];

export interface Editing {
  readonly parameters: readonly string[];
  /** Held-out images that were edited. */
  readonly images: number;
  readonly legibility: readonly Legibility[];
  /** Of the true parameters over the pack: what goes together in the data. */
  readonly correlations: Effects;
  readonly methods: readonly {
    readonly method: "mean" | "linear";
    readonly orthogonal: boolean;
    /** R² of the place along each direction, on held-out codes. */
    readonly r2: readonly number[];
    readonly effects: Effects;
    /** Largest standard error of an effect, over images. */
    readonly standardError: number;
  }[];
}

const batch = 50;

/** Means made orthogonal are left out: of many attributes one always lies nearly in the span of the others' means. */
const learnedBy = [
  { method: "mean", orthogonal: false },
  { method: "linear", orthogonal: false },
  { method: "linear", orthogonal: true },
] as const;

/** Directions by each method, the effect of strength ±1 on held-out images, read by a network trained on the drawings. */
export async function measureEditing(trial: EditingTrial): Promise<Editing> {
  const { model, parameters, steps, seed, count, onProgress } = trial;
  const pack = openPack(trial.pack);
  const truth = parameters.map((name) => standardised(labelOf(pack, name), [...(pack.splits.train ?? [])]));
  const test = [...(pack.splits.test ?? [])];
  const pixels = new PackPixels(pack);
  const images = (rows: readonly number[]) => pixels.images(rows, phaseOf(model.resolution) as number);
  const labelled: Labelled = {
    images,
    train: [...(pack.splits.train ?? [])],
    values: truth,
    resolution: model.resolution,
  };
  const regressor = Regressor.train(labelled, {
    steps,
    seed,
    onStep: (step, error) => {
      if (step % 200 === 0 || step === steps)
        onProgress?.(`reading: step ${step} of ${steps}, error ${error.toFixed(3)}`);
    },
  });
  try {
    const readAll = (of: Float32Array) => {
      const values: number[] = [];
      const size = 3 * model.resolution ** 2;
      for (let start = 0; start < of.length / size; start += batch) {
        const part = of.slice(start * size, (start + batch) * size);
        scope(() => {
          const x = tensor(part, [part.length / size, 3, model.resolution, model.resolution]);
          values.push(...regressor.read(x));
        });
      }
      return columns(values, parameters.length);
    };
    const drawings = scope(() => images(test).toFloat32Array());
    const codes = await model.encode(drawings, test.length);
    const [drawn, reconstructed] = [readAll(drawings), readAll(await model.decode(codes, test.length))];
    const legibility = truth.map((values, i) => {
      const wanted = test.map((row) => values[row] as number);
      return { drawn: r2(drawn[i] as number[], wanted), reconstructed: r2(reconstructed[i] as number[], wanted) };
    });

    const methods: Editing["methods"][number][] = [];
    for (const { method, orthogonal } of learnedBy) {
      onProgress?.(`editing: ${method}${orthogonal ? ", orthogonal" : ""}`);
      const options = { method, orthogonal, attributes: parameters, count, components: 0 };
      const directions = await directionsFromPack(model, pack, options);
      const file: DirectionsFile = { format: 1, latent: model.latent, directions };
      const effects: number[][] = [];
      let standardError = 0;
      for (const name of parameters) {
        const [down, up] = await Promise.all(
          [-1, 1].map(async (strength) =>
            readAll(await model.decode(edit(codes, { [name]: strength }, file), test.length)),
          ),
        );
        const moved = parameters.map((_, i) =>
          test.map((_, row) => ((up?.[i]?.[row] as number) - (down?.[i]?.[row] as number)) / 2),
        );
        effects.push(moved.map(meanOf));
        standardError = Math.max(standardError, ...moved.map((values) => deviationOf(values) / Math.sqrt(test.length)));
      }
      const scores = parameters.map((name) => directions[name]?.heldOut?.value ?? Number.NaN);
      methods.push({ method, orthogonal, r2: scores, effects, standardError });
    }
    const rows = labelled.train;
    const correlations = truth.map((a) =>
      truth.map((b) => meanOf(rows.map((row) => (a[row] as number) * (b[row] as number)))),
    );
    return { parameters, images: test.length, legibility, correlations, methods };
  } finally {
    regressor.dispose();
    pixels.dispose();
  }
}

/** What an effect matrix says in three numbers. */
export function summaryOf(effects: Effects): { own: number; others: number; largestOther: number } {
  const own = effects.map((row, i) => Math.abs(row[i] as number));
  const others = effects.flatMap((row, i) => row.filter((_, j) => j !== i).map(Math.abs));
  return { own: meanOf(own), others: meanOf(others), largestOther: Math.max(...others) };
}

function labelOf(pack: ReturnType<typeof openPack>, name: string): Float64Array {
  const label = pack.labels.find((each) => each.name === name);
  if (label?.kind === "number") return label.values;
  throw new RangeError(`${pack.path} has no label of numbers called ${name}: give a pack of procedural:faces`);
}

/** Mean 0 and deviation 1 over some rows. */
function standardised(values: Float64Array, rows: readonly number[]): Float64Array {
  const known = rows.map((row) => values[row] as number);
  const [mean, deviation] = [meanOf(known), deviationOf(known)];
  return values.map((value) => (value - mean) / deviation);
}

function columns(values: readonly number[], count: number): number[][] {
  return Array.from({ length: count }, (_, i) => values.filter((_, at) => at % count === i));
}

function r2(read: readonly number[], wanted: readonly number[]): number {
  const mean = meanOf(wanted);
  const missed = read.reduce((sum, value, i) => sum + (value - (wanted[i] as number)) ** 2, 0);
  return 1 - missed / wanted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}
