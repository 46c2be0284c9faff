import { readFileSync } from "node:fs";
import { sampleLatents } from "pioneer-runtime";
import { modelConfig } from "pioneer-runtime/internal";
import { expect, test } from "vitest";
import { parse } from "zod/mini";
import { editNow, editUndo } from "../../src/page/state/edit.ts";
import { useModels } from "../../src/page/state/models.ts";
import { editFileOf, openEdit, openProject, projectOf } from "../../src/page/state/project.ts";
import { emptyShelf, useShelf } from "../../src/page/state/shelf.ts";
import { latentFromText, latentToText } from "../../src/shared/project.ts";
import { fixture } from "../support/studio.ts";

test("latents in files come back bit by bit", () => {
  const latent = sampleLatents(3, 128, 5);
  expect(latentFromText(latentToText(latent))).toEqual(latent);
  // 4 bytes a number, 4 letters for 3 bytes.
  expect(latentToText(latent)).toHaveLength((4 * 3 * 128 * 4) / 3);
});

test("a saved edit goes on in one step; a damaged one is refused whole", () => {
  const config = parse(modelConfig, JSON.parse(readFileSync(fixture("model-tiny/config.json"), "utf8")));
  const open = { id: "tiny", name: "tiny", folder: "models/tiny", config, hasEncoder: true, key: "abc" };
  useModels.setState({ open });
  const saved = { name: "seed 1, 2", latent: sampleLatents(1, config.latent, 1), strengths: { smile: 1.5 } };
  const file = editFileOf(saved, 0.25);
  openEdit(file);
  const { name, latent, strengths } = saved;
  expect(editNow()).toMatchObject({ source: { kind: "latent", name, latent }, strengths, detail: 0.25 });
  editUndo();
  expect(editNow()).toMatchObject({ source: undefined, detail: 0 });

  const damaged = [latent.map((value, i) => (i === 3 ? Number.NaN : value)), latent.subarray(1)].map(latentToText);
  for (const wrong of damaged) {
    expect(() => openEdit({ ...file, latent: wrong })).toThrow(
      `this picture is damaged: "seed 1, 2" has no latent of ${config.latent} numbers`,
    );
  }
  expect(() => openEdit({ ...file, model: { key: "other", name: "cats" } })).toThrow('made with the model "cats"');

  const project = projectOf(open, { ...emptyShelf, favourites: [saved] }, file);
  expect(() => openProject({ ...project, edit: { ...file, latent: damaged[0] } })).toThrow("is damaged");
  expect([editNow().source, useShelf.getState().favourites]).toEqual([undefined, []]);
  openProject(project);
  expect(useShelf.getState().favourites).toEqual([saved]);
});
