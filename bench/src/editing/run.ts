import { renameSync, writeFileSync } from "node:fs";
import { openAnyModel, openPack } from "pioneer-networks/torch";
import { UsageError } from "../options.ts";
import { progress } from "../process.ts";
import { heatMapPng } from "./heat-map.ts";
import { type Editing, measureEditing, summaryOf, wayOf } from "./measure.ts";

/** Parameters of drawn faces that show at 32x32; hues that go around a wheel have no direction. */
const visible =
  "yaw,nod,light,skin,faceWidth,femininity,hairLength,hairVolume,hairColour,smile,mouthOpen,beard,glasses,backgroundLight";

export interface EditingRun {
  readonly model: string;
  readonly data: string;
  /** Path of the results, without .json and .png. */
  readonly out: string;
  /** Attributes as `directions --attribute` takes them, separated by commas; of drawn faces by default those that show. */
  readonly parameters?: string | undefined;
  readonly steps: number;
  readonly threads?: number | undefined;
}

/** Measures, prints, and writes OUT.json with everything and OUT.png with the matrix of calibrated directions. */
export async function runEditing({ model: path, data, out, parameters, steps, threads }: EditingRun): Promise<Editing> {
  const { source, labels } = openPack(data);
  if (parameters === undefined && source.kind !== "procedural") {
    const there = labels.map(({ name }) => name).join(", ") || "none";
    throw new UsageError(
      `editing needs --parameters for ${data}, such as nose=nose_width,feminine=-male; it has ${there}`,
    );
  }
  const model = await openAnyModel(path, { threads });
  try {
    const editing = await measureEditing({
      model,
      pack: data,
      parameters: (parameters ?? visible).split(","),
      steps,
      seed: 0,
      count: 5000,
      onProgress: progress,
    });
    for (const [i, name] of editing.parameters.entries()) {
      const { original, reconstructed } = editing.legibility[i] as Editing["legibility"][number];
      progress(
        `${name.padEnd(16)} read with R² ${original.toFixed(2)} off images, ${reconstructed.toFixed(2)} off reconstructions`,
      );
    }
    progress(`nearest photo is their own: ${percent(editing.ownNearest)} of ${editing.images} reconstructions`);
    for (const { effects, standardError, ownNearest, ...way } of editing.methods) {
      const { own, others, largestOther, clean } = summaryOf(effects);
      progress(
        `${wayOf(way).padEnd(30)} own ${own.toFixed(2)}, others ${others.toFixed(3)}, ` +
          `largest other ${largestOther.toFixed(2)}, clean ${clean} of ${effects.length}, standard error up to ${standardError.toFixed(3)}, ` +
          `nearest reconstruction still their own ${percent(ownNearest.reduce((a, b) => a + b, 0) / ownNearest.length)}`,
      );
    }
    const shown = editing.methods.find(({ calibrate }) => calibrate);
    const title = "Deviations that each attribute (column) moves per unit of an edit (row)";
    write(`${out}.json`, `${JSON.stringify(editing, rounded)}\n`);
    write(`${out}.png`, await heatMapPng(editing.parameters, shown?.effects ?? [], title));
    progress(`wrote ${out}.json and ${out}.png`);
    return editing;
  } finally {
    model.dispose();
  }
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

const rounded = (_: string, value: unknown) => (typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value);

/** Beside, and renamed. */
function write(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.writing`, content);
  renameSync(`${path}.writing`, path);
}
