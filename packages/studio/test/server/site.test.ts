// `pioneer studio --build`: a site that any host of files can serve.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faceFiles, Pioneer } from "pioneer-runtime";
import { afterAll, expect, test } from "vitest";
import { siteSchema } from "../../src/shared/models.ts";
import { copiedModel, fixture, pioneer } from "../support/studio.ts";

const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-site-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const studio = (...args: string[]) => {
  const [file = "", ...first] = pioneer;
  const { status, stdout, stderr } = spawnSync(file, [...first, "studio", ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
};

test("a site holds the page with its policy, and models that load from it", async () => {
  expect(studio(fixture("model-tiny"), "--build", "site")).toMatchObject({ status: 0, stderr: "" });
  const page = readFileSync(join(folder, "site/index.html"), "utf8");
  expect(page).toMatch(
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
  );
  // Every file that the page names is there, beside it: the site may lie in any folder of its host.
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
  expect(named.length).toBeGreaterThan(0);
  for (const path of named) {
    expect(path).toMatch(/^\.\//);
    expect(readFileSync(join(folder, "site", path)).length).toBeGreaterThan(0);
  }
  const site = siteSchema.parse(JSON.parse(readFileSync(join(folder, "site/studio.json"), "utf8")));
  expect(site).toMatchObject({ server: false, models: [{ id: "model-tiny", usable: true }] });
  const [model, original] = await Promise.all(
    [join(folder, "site/models/model-tiny"), fixture("model-tiny")].map((path) => Pioneer.load(path)),
  );
  const [one, other] = await Promise.all([model, original].map(async (each) => each?.sample(2, 3)));
  expect(one?.images).toEqual(other?.images);
});

test("a site gives way to a new one, anything else does not", () => {
  expect(studio(fixture("model-tiny"), "--build", "site").status).toBe(0);
  mkdirSync(join(folder, "other"));
  writeFileSync(join(folder, "other", "thesis.txt"), "all of it");
  const refused = studio(fixture("model-tiny"), "--build", "other");
  expect(refused).toEqual({
    status: 1,
    stdout: "",
    stderr: "pioneer: other holds something that is no site: give --build the name of a new folder\n",
  });
  expect(readdirSync(join(folder, "other"))).toEqual(["thesis.txt"]);
});

test("a model that cannot be used makes no site; without one, those in the box do", () => {
  const cut = copiedModel();
  truncateSync(join(cut, "encoder.onnx"), 7);
  const damaged = studio(cut, "--build", "damaged");
  expect([damaged.status, damaged.stderr]).toEqual([
    1,
    expect.stringMatching(/^pioneer: .*encoder\.onnx has 7 bytes, .*\n$/),
  ]);
  expect(studio("--build", "the box")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("\nnext: npx serve 'the box', or copy it to any host of files\n"),
  });
  expect(readdirSync(join(folder, "the box", "models"))).toEqual(["faces-drawn", "faces-photos"]);
  // It knows aligned faces; a site of models that do not has no faces/.
  expect(readdirSync(join(folder, "the box", "faces")).sort()).toEqual([...faceFiles, "LICENSE"].sort());
  expect(existsSync(join(folder, "site", "faces"))).toBe(false);
  expect(studio("nowhere", "--build", "none")).toMatchObject({
    status: 2,
    stderr: "pioneer: nowhere: no such model folder; check the path\n",
  });
  expect(readdirSync(folder).sort()).toEqual(["other", "site", "the box"]);
});
