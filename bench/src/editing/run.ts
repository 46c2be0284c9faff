import { renameSync, writeFileSync } from "node:fs";
import { openModel, openPack } from "pioneer-networks/torch";
import { UsageError } from "../options.ts";
import { progress } from "../process.ts";
import { heatMapPng } from "./heat-map.ts";
import { type Editing, measureEditing, summaryOf } from "./measure.ts";

/** Parameters of drawn faces that show at 32x32; hues that go around a wheel have no direction. */
const visible =
  "yaw,nod,light,skin,faceWidth,femininity,hairLength,hairVolume,hairColour,smile,mouthOpen,beard,glasses,backgroundLight";

export interface EditingRun {
  readonly model: string;
  readonly data: string;
  /** Path of the results, without .json and .png. */
  readonly out: string;
  readonly parameters?: string | undefined;
  readonly steps: number;
  readonly threads?: number | undefined;
}

/** Measures, prints, and writes OUT.json with everything and OUT.png with the matrix of `linear`, orthogonal. */
export async function runEditing({ model: path, data, out, parameters, steps, threads }: EditingRun): Promise<Editing> {
  const names = (parameters ?? visible).split(",");
  const numbers = openPack(data).labels.filter(({ kind }) => kind === "number");
  const unknown = names.find((name) => !numbers.some((label) => label.name === name));
  if (unknown !== undefined) {
    const there = numbers.map(({ name }) => name).join(", ") || "none";
    throw new UsageError(`--parameters: ${data} has no numbers called ${unknown}; it has ${there}`);
  }
  const model = await openModel(path, { threads });
  try {
    const editing = await measureEditing({
      model,
      pack: data,
      parameters: names,
      steps,
      seed: 0,
      count: 5000,
      onProgress: progress,
    });
    for (const [i, name] of names.entries()) {
      const { drawn, reconstructed } = editing.legibility[i] as Editing["legibility"][number];
      progress(
        `${name.padEnd(16)} read with R² ${drawn.toFixed(2)} off drawings, ${reconstructed.toFixed(2)} off reconstructions`,
      );
    }
    for (const { method, orthogonal, effects, standardError } of editing.methods) {
      const { own, others, largestOther } = summaryOf(effects);
      progress(
        `${`${method}${orthogonal ? ", orthogonal" : ""}`.padEnd(20)} own ${own.toFixed(2)}, others ${others.toFixed(3)}, ` +
          `largest other ${largestOther.toFixed(2)}, standard error up to ${standardError.toFixed(3)}`,
      );
    }
    const shown = editing.methods.find(({ method, orthogonal }) => method === "linear" && orthogonal);
    const title = "Deviations that each parameter (column) moves per unit of an edit (row)";
    write(`${out}.json`, `${JSON.stringify(editing, rounded)}\n`);
    write(`${out}.png`, await heatMapPng(names, shown?.effects ?? [], title));
    progress(`wrote ${out}.json and ${out}.png`);
    return editing;
  } finally {
    model.dispose();
  }
}

const rounded = (_: string, value: unknown) => (typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value);

/** Beside, and renamed. */
function write(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.writing`, content);
  renameSync(`${path}.writing`, path);
}
