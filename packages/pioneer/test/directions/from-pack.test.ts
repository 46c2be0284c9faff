// Which images of a pack a direction is learned from.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { directionsFromPack } from "../../src/directions/from-pack.ts";
import { openAnyModel } from "../../src/models/open-model.ts";
import { fixture } from "../support/fixture.ts";
import { discs, makePack } from "../support/tiny.ts";

const folder = temporaryFolder();

test("an attribute that is held, known of more images, changes neither which are learned from nor how many", async () => {
  const count = 400;
  const { path } = await makePack(folder, count, 16, discs);
  const photos = path.slice(0, -".pack".length);
  // Every other image has a side; all have an age.
  const rows = Array.from({ length: count }, (_, i) => [
    `${String(i).padStart(4, "0")}.png`,
    i % 2 === 0 ? (i / 2) % 2 : "",
    (7 * i) % 13,
  ]);
  writeFileSync(join(photos, "labels.csv"), ["file,side,age", ...rows.map((row) => row.join(","))].join("\n"));
  const { pack } = await prepareDataset({
    source: photos,
    out: join(dirname(path), "labelled.pack"),
    resolution: 16,
  });
  const model = await openAnyModel(fixture("model-tiny"), { threads: 1 });
  try {
    const learn = async (hold: readonly string[]) => {
      const options = { method: "mean", orthogonal: false, attributes: ["side"], count: 150, hold } as const;
      return (await directionsFromPack(model, pack, options)).side;
    };
    const [free, held] = [await learn([]), await learn(["age"])];
    // 150 to learn from and 30 held out, of which every fifth image is one.
    expect(free?.fitted).toEqual({ count: 144, missing: 200 });
    expect(held?.holds).toEqual(["age"]);
    expect([held?.fitted, held?.heldOut?.count]).toEqual([free?.fitted, free?.heldOut?.count]);
    // 180 encoded, every fifth held out; then two moves on the others, up and down, and one on those, before and after.
    const calls: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number) => calls.push([done, total]);
    const options = { method: "linear", orthogonal: false, attributes: ["side"], hold: ["age"], count: 150 } as const;
    const tried = await directionsFromPack(model, pack, { ...options, calibrate: true, onProgress });
    expect(tried.side?.shown).toMatchObject({ images: 36, other: { name: "age" } });
    expect(new Set(calls.map(([, total]) => total))).toEqual(new Set([180 + 2 * 2 * 144 + 2 * 2 * 36]));
    expect(calls.at(-1)?.[0]).toBe(900);
  } finally {
    model.dispose();
  }
});
