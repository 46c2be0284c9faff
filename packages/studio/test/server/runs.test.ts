// One run from its plan to a model of its last checkpoint, by what a page asks; then folders that something is wrong with.
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { trainerOf } from "../../src/server/runs/lock.ts";
import { endOfTicks, lastTick, readTicks } from "../../src/server/runs/stats.ts";
import type { ModelList } from "../../src/shared/models.ts";
import type { Grid, OpenedAnswer, RunList, RunSummary, StatsAnswer } from "../../src/shared/runs.ts";
import { Events } from "../support/events.ts";
import { ask, openStudio, postJson } from "../support/studio.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-runs-"));
const runs = join(folder, "runs");
const open = () => openStudio({ models: [], runs, cache: join(folder, "cache") });
let studio: Awaited<ReturnType<typeof open>>;
let url: string;
beforeAll(async () => {
  mkdirSync(join(folder, "photos"));
  const size = { width: 16, height: 16, channels: 3 } as const;
  for (let i = 0; i < 24; i++) {
    const background = { r: (i * 40) % 256, g: (i * 90) % 256, b: 10 * i };
    await sharp({ create: { ...size, background } })
      .png()
      .toFile(join(folder, "photos", `${i}.png`));
  }
  studio = await open();
  ({ url } = studio);
});
afterAll(async () => {
  await studio.close();
  // Where a test failed in the middle, its training would go on.
  const pid = await trainerOf(join(runs, "first"));
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const small = {
  data: join(folder, "photos.pack"),
  resolution: 8,
  latent: 16,
  channels: 16,
  batch: 8,
  // Minutes, in case that nobody stops it.
  totalKimg: 400,
  checkpointKimg: 0.05,
  threads: 1,
  seed: 4,
};
const get = async <T>(path: string): Promise<T> => (await ask(`${url}/api/${path}`)).json() as T;
const line = async (path: string, body?: unknown) => {
  const { status, json } = await (body === undefined
    ? ask(`${url}/api/${path}`)
    : postJson(`${url}/api/${path}`, body));
  return [status, (json() as { error?: { message: string } }).error?.message];
};

test("no runs yet", async () => {
  expect(await get("runs")).toEqual({ folder: runs, runs: [] });
});

test("a plan tells what a run would cost and starts nothing; wrong options say what is wrong", async () => {
  const options = { ...small, data: join(folder, "photos") };
  const { plan } = (await postJson(`${url}/api/runs`, { id: "first", plan: true, options })).json() as { plan: object };
  expect(plan).toMatchObject({ phases: expect.any(Array) });
  expect(existsSync(join(runs, "first"))).toBe(false);
  const nowhere = { id: "first", plan: true, options: { ...small, data: "/nowhere/at/all" } };
  expect(await line("runs", nowhere)).toEqual([409, expect.stringMatching(/^\/nowhere\/at\/all/)]);
  const wrong = { ...small, resolution: 12 };
  expect(await line("runs", { id: "first", plan: true, options: wrong })).toEqual([
    400,
    expect.stringMatching(/^--resolution: .*, got 12$/),
  ]);
  expect(await line("runs", { id: "../up", plan: true, options })).toEqual([400, expect.stringMatching(/id/)]);
  expect(await line("runs", { id: "first", plan: true, options: { ...options, cacheDir: "/tmp" } })).toEqual([
    400,
    expect.stringMatching(/cacheDir/),
  ]);
});

test("a run is started, tells its lines and pictures as they come, is stopped with a checkpoint and goes on", async () => {
  const events = await Events.open(url);
  const options = { ...small, data: join(folder, "photos") };
  const started = await postJson(`${url}/api/runs`, { id: "first", options });
  expect([started.status, started.json()]).toMatchObject([202, { id: "first", state: "starting" }]);
  expect(await line("runs", { id: "first", options })).toEqual([409, expect.stringMatching(/is there already/)]);
  await events.until("runs");
  await events.until("run", ({ id, state }) => id === "first" && state === "running");
  expect(await line("runs/first/resume", {})).toEqual([409, expect.stringMatching(/is being trained already/)]);
  await events.until("stats", ({ ticks }) => ticks.length > 0);
  await events.until("run", ({ checkpoints }) => checkpoints.length > 0);

  expect((await postJson(`${url}/api/runs/first/stop`, {})).status).toBe(202);
  await events.until("run", ({ id, state }) => id === "first" && state === "stopped");
  const stopped = await get<RunSummary>("runs/first");
  expect(stopped).toMatchObject({ state: "stopped", problem: null, recipe: "accv2018", latent: 16, channels: 16 });
  expect(await line("runs/first/stop", {})).toEqual([409, "nobody trains first now"]);

  // What was told in pieces is what the file holds.
  const all = await get<StatsAnswer>("runs/first/stats");
  const told = events.seen.flatMap((one) => (one.event === "stats" ? one.data.ticks : []));
  expect(told.length).toBeGreaterThan(0);
  expect(all.ticks.slice(-told.length).map(({ images }) => images)).toEqual(told.map(({ images }) => images));
  expect(all.ticks.at(-1)).toEqual(stopped.last);

  const again = await Events.open(url);
  expect((await postJson(`${url}/api/runs/first/resume`, {})).status).toBe(202);
  await again.until("run", ({ id, state }) => id === "first" && state === "running");
  const { images = 0 } = all.ticks.at(-1) ?? {};
  await again.until("stats", ({ ticks }) => ticks.some((tick) => tick.images > images));
  const { ticks: more } = await get<StatsAnswer>(`runs/first/stats?from=${all.next}`);
  expect(more.at(-1)?.images).toBeGreaterThan(images);

  // The training goes on without its server, and the next server knows it.
  await studio.close();
  studio = await open();
  ({ url } = studio);
  expect(await get<RunSummary>("runs/first")).toMatchObject({ state: "running" });
  const after = await Events.open(url);
  expect((await postJson(`${url}/api/runs/first/stop`, {})).status).toBe(202);
  await after.until("run", ({ state }) => state === "stopped");
});

test("its pictures are listed and read", async () => {
  const grids = await get<Grid[]>("runs/first/grids");
  expect(grids.map(({ name }) => name)).toContain("reals.png");
  for (const { name } of grids) {
    const { headers, body } = await ask(`${url}/api/runs/first/grids/${name}`);
    expect([headers["content-type"], body.equals(readFileSync(join(runs, "first", name)))]).toEqual([
      "image/png",
      true,
    ]);
  }
  for (const name of ["config.json", "..%2f..%2fphotos%2f0.png", "stats.jsonl", ".lock", "x.png"]) {
    expect((await ask(`${url}/api/runs/first/grids/${name}`)).status, name).toBeGreaterThanOrEqual(400);
  }
});

test("a checkpoint opens as a model, once however often it is asked for", async () => {
  const { checkpoints } = await get<RunSummary>("runs/first");
  // All are listed, also those that are named to the image, as several of a thousand images are.
  const here = readdirSync(join(runs, "first")).filter((each) => each.startsWith("checkpoint-"));
  const listed = here.sort().map((each) => ({ name: each, kimg: Number(each.slice("checkpoint-".length)) }));
  expect(checkpoints).toEqual(listed);
  const name = checkpoints.at(-1)?.name ?? "";
  const events = await Events.open(url);
  const address = `${url}/api/runs/first/checkpoints/${name}/open`;
  const answers = await Promise.all([postJson(address, {}), postJson(address, {})]);
  expect(answers.map(({ json }) => (json() as OpenedAnswer).model)).toEqual(Array(2).fill(`first-${name}`));
  await events.until("models");
  expect(await get<ModelList>("models")).toMatchObject([{ id: `first-${name}`, usable: true, latent: 16 }]);
  const sample = await postJson(`${url}/api/models/first-${name}/sample`, {}, { Accept: "image/png" });
  expect(sample.status).toBe(200);
  expect(await line("runs/first/checkpoints/checkpoint-99999999/open", {})).toEqual([
    404,
    expect.stringMatching(/may have been pruned/),
  ]);
  expect((await line("runs/first/checkpoints/photos/open", {}))[0]).toBe(404);
});

test("a start that fails is told in one line, by the run it was to be", async () => {
  const events = await Events.open(url);
  await postJson(`${url}/api/runs`, { id: "failing", options: { ...small, data: "/nowhere/at/all" } });
  const failed = await events.until("run", ({ problem }) => problem !== null).catch(() => undefined);
  expect(failed).toMatchObject({
    id: "failing",
    state: "stopped",
    problem: expect.stringMatching(/^\/nowhere\/at\/all/),
  });
  expect((await get<RunList>("runs")).runs.map(({ id }) => id)).toEqual(["failing", "first"]);
});

test("a run that is damaged, or cut off while it wrote, is told of in one line; one that goes is gone", async () => {
  const copy = (name: string) => cpSync(join(runs, "first"), join(runs, name), { recursive: true });
  copy("cut");
  appendFileSync(join(runs, "cut", "stats.jsonl"), '{"images": 12, "tot');
  const whole = await get<StatsAnswer>("runs/first/stats");
  const cut = await get<StatsAnswer>("runs/cut/stats");
  expect(cut.ticks).toEqual(whole.ticks);
  expect((await get<RunSummary>("runs/cut")).last).toEqual(whole.ticks.at(-1));
  copy("damaged");
  truncateSync(join(runs, "damaged", "config.json"), 20);
  expect(await get<RunSummary>("runs/damaged")).toMatchObject({
    problem: expect.stringMatching(/config\.json is damaged/),
  });
  expect(await line("runs/damaged/resume", {})).toEqual([409, expect.stringMatching(/config\.json is damaged/)]);

  const events = await Events.open(url);
  await get("runs/cut");
  copy("late");
  await events.until("runs");
  renameSync(join(runs, "cut"), join(folder, "away"));
  const gone = 'there is no run "cut" (any more): GET api/runs lists those there are';
  for (const path of ["runs/cut", "runs/cut/stats", "runs/cut/grids", "runs/cut/grids/reals.png"]) {
    expect(await line(path)).toEqual([404, gone]);
  }
  for (const path of ["runs/cut/stop", "runs/cut/resume", "runs/cut/checkpoints/best/open"]) {
    expect(await line(path, {})).toEqual([404, gone]);
  }
});

test("lines written anew, as by a run that goes on from an earlier checkpoint, are told from their beginning", async () => {
  const before = await get<StatsAnswer>("runs/late/stats");
  const path = join(runs, "late", "stats.jsonl");
  const [first = ""] = readFileSync(path, "utf8").split("\n");
  writeFileSync(`${path}.new`, `${first}\n`);
  renameSync(`${path}.new`, path);
  const after = await get<StatsAnswer>(`runs/late/stats?from=${before.next}`);
  expect(after).toMatchObject({ restarted: true, ticks: [before.ticks[0]] });
  rmSync(path);
  expect(await get<StatsAnswer>(`runs/late/stats?from=${after.next}`)).toEqual({
    ticks: [],
    next: "0-0",
    restarted: true,
  });
});

test("the end of a long run's lines is where reading them all ends", async () => {
  const run = join(folder, "long");
  mkdirSync(run);
  const [first = ""] = readFileSync(join(runs, "first", "stats.jsonl"), "utf8").split("\n");
  const second = JSON.stringify({ ...JSON.parse(first), images: 12_345 });
  writeFileSync(join(run, "stats.jsonl"), `${`${first}\n`.repeat(1999)}${second}\n{"images": 12, "tot`);
  const { ticks, next } = await readTicks(run);
  expect(ticks).toHaveLength(2000);
  expect(await endOfTicks(run)).toBe(next);
  expect(await lastTick(run)).toEqual(ticks.at(-1));
  expect(await endOfTicks(join(folder, "nowhere"))).toBe("0-0");
});

test("a link that leads out of the folder of runs is no run", async () => {
  symlinkSync(join(folder, "away"), join(runs, "linked"));
  expect((await get<RunList>("runs")).runs.map(({ id }) => id)).not.toContain("linked");
  expect((await line("runs/linked/stats"))[0]).toBe(404);
});
