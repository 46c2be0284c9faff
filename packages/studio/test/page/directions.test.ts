import { type DirectionsFile, sampleLatents } from "pioneer-runtime";
import { edit } from "pioneer-runtime/internal";
import { expect, test } from "vitest";
import { oneDirection } from "../../../runtime/test/support/fixtures.ts";
import { alsoMoves, groupsOf, scoreOf } from "../../src/page/edit/direction-words.ts";
import { editedLatent } from "../../src/page/state/shelf.ts";

const file = JSON.parse(oneDirection) as DirectionsFile;
const smile = file.directions.smile as DirectionsFile["directions"][string];

test("an edit goes along the directions that are there; where nothing moves, the latent is the same array", () => {
  const latent = sampleLatents(1, 16, 1);
  const gone = { constructor: 2, hat: 1 };
  expect(editedLatent(latent, { smile: 1.5, ...gone }, file)).toEqual(edit(latent, { smile: 1.5 }, file));
  expect(editedLatent(latent, { smile: 0, ...gone }, file)).toBe(latent);
});

test("directions are grouped by how they were found, whatever they are called", () => {
  const directions = { axis: { ...smile, method: "pca" }, constructor: smile, hat: smile, age: smile } as const;
  expect(groupsOf(directions, { hat: smile })).toEqual([
    { title: "Taught here", members: ["hat"] },
    { title: "Learned from labels", members: ["constructor", "age"] },
    { title: "Found without labels", members: ["axis"] },
  ]);
});

test("what else an edit moves is what was seen in pictures; where nothing was, directions that lie near it", () => {
  expect(alsoMoves("smile", { smile, hat: smile })).toBe("also moves hat +1.0");
  const seen = (effect: number) => ({ ...smile, shown: { images: 100, own: 1, other: { name: "mouthOpen", effect } } });
  expect(alsoMoves("smile", { smile: seen(-0.31), hat: smile })).toBe("also moves mouth open −0.3");
  expect(alsoMoves("smile", { smile: seen(0.1), hat: smile })).toBe("");
  expect(scoreOf({ ...smile, shown: { images: 100, own: 0.4 } })).toBe("shows little");
  expect(scoreOf(seen(0.1))).toBe(scoreOf(smile));
  // Tried alone: what lies near it is all that is known of others.
  expect(alsoMoves("smile", { smile: { ...smile, shown: { images: 100, own: 1 } }, hat: smile })).toBe(
    "also moves hat +1.0",
  );
});
