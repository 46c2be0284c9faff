import { sampleLatents } from "pioneer-runtime";
import { expect, test } from "vitest";
import { latentFromText, latentToText } from "../../src/shared/project.ts";

test("latents in files come back bit by bit", () => {
  const latent = sampleLatents(3, 128, 5);
  expect(latentFromText(latentToText(latent))).toEqual(latent);
  // 4 bytes a number, 4 letters for 3 bytes.
  expect(latentToText(latent)).toHaveLength((4 * 3 * 128 * 4) / 3);
});
