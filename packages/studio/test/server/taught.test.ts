// Attributes that a person taught, saved into the model folder.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pioneer } from "pioneer-runtime";
import { expect, test } from "vitest";
import type { ImagesAnswer } from "../../src/shared/computing.ts";
import { addDirections, ask, copiedModel, openForTest, postJson } from "../support/studio.ts";

const axis = (at: number) => Array.from({ length: 16 }, (_, i) => (i === at ? 1 : 0));
const direction = (at: number, change: object = {}) => ({
  vector: axis(at),
  unit: 0.25,
  method: "linear",
  orthogonal: false,
  ...change,
});
const put = (url: string, directions: unknown) =>
  ask(`${url}/api/models/model/directions`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ directions }),
  });

test("a taught direction is saved beside those there are, and edits go along it at once", async () => {
  const folder = copiedModel();
  const { url } = await openForTest({ models: [folder] });
  const body = { latents: [axis(3)], strengths: { smile: 2 } };
  const before = await postJson(`${url}/api/models/model/edit`, body);
  expect([before.status, before.json()]).toMatchObject([
    400,
    { error: { message: expect.stringMatching(/^there is no direction "smile"; none/) } },
  ]);
  expect(
    (
      await put(url, {
        smile: direction(0),
        "with hat": direction(1, { heldOut: { kind: "accuracy", value: 0.9, count: 10 } }),
      })
    ).json(),
  ).toMatchObject({ directions: 2 });
  expect((await put(url, { smile: direction(2) })).json()).toMatchObject({ directions: 2 });

  const model = await Pioneer.load(folder);
  expect(model.directions.map(({ name }) => name)).toEqual(["smile", "with hat"]);
  const expected = model.edit(Float32Array.from(axis(3)), { smile: 2 });
  const [images] = [await model.decode(expected, { as: "png" })];
  const answer = (await postJson(`${url}/api/models/model/edit`, body)).json() as ImagesAnswer;
  expect(answer.latents).toEqual([Array.from(expected)]);
  expect(answer.images).toEqual(images.map((png) => Buffer.from(png).toString("base64")));
  await model.dispose();
});

test("of a model that is not to be written to, a copy takes its place under the same id", async () => {
  const [folder, copy] = [copiedModel(), copiedModel()];
  const before = readFileSync(join(folder, "config.json"), "utf8");
  const { url } = await openForTest({
    models: [folder],
    addDirections: (_, latent, directions) => addDirections(copy, latent, directions),
  });
  expect((await put(url, { smile: direction(0) })).json()).toMatchObject({ id: "model", directions: 1 });
  expect((await ask(`${url}/api/models`)).json()).toMatchObject([{ id: "model", directions: 1 }]);
  expect((await put(url, { hat: direction(1) })).json()).toMatchObject({ directions: 2 });
  expect(readFileSync(join(folder, "config.json"), "utf8")).toBe(before);
});

test("two saved at once are both kept", async () => {
  const folder = copiedModel();
  const { url } = await openForTest({ models: [folder] });
  const names = Array.from({ length: 8 }, (_, i) => `attribute ${i}`);
  const answers = await Promise.all(names.map((name, i) => put(url, { [name]: direction(i) })));
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
  const model = await Pioneer.load(folder, { parts: ["directions"] });
  expect(model.directions.map(({ name }) => name).toSorted()).toEqual(names);
});

test("what is no direction of this model is refused, and the folder stays as it was", async () => {
  const folder = copiedModel();
  const { url } = await openForTest({ models: [folder] });
  const files = () => ["config.json", "directions.json"].map((name) => readFileSync(join(folder, name), "utf8"));
  const before = files();
  const cases: readonly [unknown, number, RegExp][] = [
    [
      { smile: direction(0, { vector: [1, 0] }) },
      400,
      /^the direction "smile" has 2 numbers, this model's latents have 16$/,
    ],
    [{ smile: direction(0, { vector: axis(0).map((x) => 2 * x) }) }, 400, /^the direction "smile" has the length 2:/],
    [{ smile: direction(0, { unit: 0 }) }, 400, /unit/],
    [{ smile: direction(0, { method: "magic" }) }, 400, /method/],
    [{ ["x".repeat(101)]: direction(0) }, 400, /Invalid key/],
    [{}, 400, /at least one direction/],
    [[], 400, /directions/],
  ];
  for (const [directions, status, message] of cases) {
    const answer = await put(url, directions);
    expect([answer.status, answer.json()]).toMatchObject([
      status,
      { error: { message: expect.stringMatching(message) } },
    ]);
  }
  expect(files()).toEqual(before);
});

test("a directions.json that is damaged or missing is not replaced", async () => {
  const folder = copiedModel();
  const { url } = await openForTest({ models: [folder] });
  const path = join(folder, "directions.json");
  const size = readFileSync(path).length;
  writeFileSync(path, "x".repeat(size));
  const damaged = await put(url, { smile: direction(0) });
  expect([damaged.status, damaged.json()]).toMatchObject([
    409,
    { error: { message: expect.stringMatching(/directions\.json/) } },
  ]);
  expect(readFileSync(path, "utf8")).toBe("x".repeat(size));
  rmSync(path);
  const gone = await put(url, { smile: direction(0) });
  expect([gone.status, gone.json()]).toMatchObject([
    409,
    { error: { message: expect.stringMatching(/directions\.json is missing/) } },
  ]);
});
