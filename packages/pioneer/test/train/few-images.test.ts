import { expect, test } from "vitest";
import { fewImages } from "../../src/train/few-images.ts";

test("under 2000 training images are few, and what mends it depends on the recipe", () => {
  const plain = { augment: false, recipe: "accv2018" } as const;
  expect(fewImages(1999, plain)).toBe(
    "1999 training images are few (under 2000): the networks learn them by heart; --augment works against that, as does a new run --from a model of similar images",
  );
  expect(fewImages(1999, { ...plain, from: "faces" })).toMatch(/--augment works against that$/);
  expect(fewImages(1999, { ...plain, recipe: "gan" })).toMatch(/by heart; add images$/);
  expect(fewImages(2000, plain)).toBeUndefined();
  expect(fewImages(5, { ...plain, augment: true })).toBeUndefined();
});
