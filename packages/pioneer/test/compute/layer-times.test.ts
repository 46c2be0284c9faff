// Layers timed, and the file of times. No test depends on how long anything takes.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConvolutionLayer, memory, setThreads } from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { chooseLayers } from "../../src/compute/choose-layers.ts";
import type { LayerTimes } from "../../src/compute/convolution-choice.ts";
import { knownTimes, machineName } from "../../src/compute/known-times.ts";
import { shapeName, timedShape, timeLayer, timesOfLayer, waysOf } from "../../src/compute/layer-times.ts";
import { addTimes, readTimes, timesFileName } from "../../src/compute/times-file.ts";

const layer = (channels: number, side: number, enlarging = false): ConvolutionLayer => ({
  into: channels,
  out: channels,
  side,
  enlarging,
});
const both = ["fp32", "bf16"] as const;
const pass = (seconds: number) => ({ forward: seconds, toData: 2 * seconds, toWeights: 3 * seconds });

afterEach(() => setThreads(1));

test("a layer is timed with some of its images, and a large picture as one of 32x32", () => {
  expect(timedShape(layer(64, 4), 128)).toEqual({ layer: layer(64, 4), images: 128 });
  expect(timedShape(layer(64, 4), 16).images).toBe(16);
  expect(timedShape(layer(64, 16), 128).images).toBe(8);
  expect(timedShape(layer(64, 16, true), 128).images).toBe(2);
  expect(timedShape(layer(8, 128), 4)).toEqual({ layer: layer(8, 32), images: 2 });
  // 3e9 / (18 · 512²) = 635 pixels.
  expect(timedShape(layer(512, 4), 128).images).toBe(39);
  expect(shapeName(timedShape(layer(64, 16), 128))).toBe("64>64 16x16 x 8");
});

test("times of the timed size are scaled to the layer's own by its pixels", () => {
  const large = layer(8, 128);
  const times = timesOfLayer(large, timedShape(large, 4), { "fp32 direct": pass(1) });
  expect(times).toEqual({ "fp32 direct": pass(16) });
});

test("ways: all forms where channels and size allow it, in the precisions that may be chosen", () => {
  expect(waysOf(layer(64, 4), both)).toEqual(
    both.flatMap((precision) => ["direct", "winograd", "taps"].map((form) => `${precision} ${form}`)),
  );
  expect(waysOf(layer(64, 4, true), ["fp32"])).toEqual(["fp32 direct", "fp32 winograd"]);
  expect(waysOf(layer(63, 4), ["fp32"])).toEqual(["fp32 direct"]);
  expect(waysOf(layer(64, 5), ["bf16"])).toEqual(["bf16 direct"]);
});

test.each([layer(64, 4), layer(64, 4, true)])(
  "every way of $into channels, enlarging: $enlarging, has a time for each pass, and no tensor is left",
  (timed) => {
    const before = memory();
    const ways = waysOf(timed, both);
    const { times } = timeLayer({ layer: timed, images: 2 }, ways, 0);
    expect(Object.keys(times).sort()).toEqual([...ways].sort());
    for (const passes of Object.values(times)) {
      expect(Object.keys(passes).sort()).toEqual(["forward", "toData", "toWeights"]);
      for (const seconds of Object.values(passes)) expect(seconds).toBeGreaterThan(0);
    }
    expect(memory()).toEqual(before);
  },
);

test("taps, asked for alone, are direct in the other passes", () => {
  const { times } = timeLayer({ layer: layer(8, 4), images: 2 }, ["fp32 taps"], 0);
  const [taps, direct] = [times["fp32 taps"], times["fp32 direct"]];
  expect([direct?.forward, direct?.toData, taps?.toWeights].every((seconds = 0) => seconds > 0)).toBe(true);
  expect(taps).toEqual({ ...direct, toWeights: taps?.toWeights });
});

test("times are kept by machine, layer and way, and what is there stays", async () => {
  const path = join(temporaryFolder(), "times.json");
  const [one, two]: LayerTimes[] = [{ "fp32 direct": pass(1) }, { "bf16 winograd": pass(2) }];
  expect(readTimes(path, "here")).toEqual(new Map());
  expect(await addTimes(path, "here", new Map([["a", one as LayerTimes]]))).toBeUndefined();
  expect(await addTimes(path, "here", new Map([["b", two as LayerTimes]]))).toBeUndefined();
  expect(await addTimes(path, "there", new Map([["a", two as LayerTimes]]))).toBeUndefined();
  expect(readTimes(path, "here")).toEqual(
    new Map([
      ["a", one],
      ["b", two],
    ]),
  );
  expect(readTimes(path, "there")).toEqual(new Map([["a", two]]));
  const again: LayerTimes = { "bf16 winograd": pass(4), "bf16 direct": pass(3) };
  await addTimes(path, "here", new Map([["a", again]]));
  await addTimes(path, "there", new Map([["a", again]]));
  expect(readTimes(path, "here").get("a")).toEqual({ ...one, ...again });
  expect(readTimes(path, "there").get("a")).toEqual(again);
});

test.each([
  "",
  "{",
  '{"format":1,"machines":{"here":{"a":{"fp32 direct":{"forward":1,"toData":1,"toWeights":1}}}}}',
  '{"format":3,"machines":{}}',
  '{"format":2,"machines":{"here":{"a":{"fp32 direct":{"forward":-1,"toData":1,"toWeights":1}}}}}',
])("a file of times that is no such file (%s) counts as none, and is written anew", async (content) => {
  const path = join(temporaryFolder(), "times.json");
  writeFileSync(path, content);
  expect(readTimes(path, "here")).toEqual(new Map());
  await addTimes(path, "here", new Map([["a", { "fp32 direct": pass(1) }]]));
  expect(readTimes(path, "here").size).toBe(1);
});

test("what is known is not measured again; another number of threads is another machine", async () => {
  const folder = temporaryFolder();
  const path = join(folder, timesFileName);
  const shape = timedShape(layer(8, 4), 2);
  const times: LayerTimes = { "fp32 direct": pass(1), "bf16 direct": pass(2) };
  await addTimes(path, machineName(1), new Map([[shapeName(shape), times]]));
  const ask = (threads: number) =>
    knownTimes([{ shape, ways: ["fp32 direct", "bf16 direct"] }], threads, folder, () => {});
  const known = await ask(1);
  expect(known.told).toBe(`as measured before, ${path}`);
  expect(known.times.get(shapeName(shape))).toEqual(times);
  const measured = await ask(2);
  expect(measured.told).toMatch(
    /^measured in [\d.]+ s(, beside other work: 1 of 1 layers will be timed again)?, kept in /,
  );
  expect(measured.times.get(shapeName(shape))).not.toEqual(times);
});

test.skipIf(process.getuid?.() === 0)("a folder that cannot be written is told, and the times are used", async () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o500);
  const shape = timedShape(layer(8, 4), 2);
  const { times, told } = await knownTimes([{ shape, ways: ["fp32 direct"] }], 1, folder, () => {});
  expect(times.get(shapeName(shape))?.["fp32 direct"]?.forward).toBeGreaterThan(0);
  expect(told).toMatch(/, not kept, .*permission/);
});

test("a folder that is a file is told too", async () => {
  const folder = join(temporaryFolder(), "file");
  writeFileSync(folder, "");
  const shape = timedShape(layer(8, 4), 2);
  const { told } = await knownTimes([{ shape, ways: ["fp32 direct"] }], 1, folder, () => {});
  expect(told).toMatch(/^measured in [\d.]+ s, not kept, /);
});

test("phases are chosen by the times in the file; where nothing can be chosen none is read", async () => {
  const folder = temporaryFolder();
  const uses = [{ layer: layer(64, 4), forward: 1, toData: 1, toWeights: 1 }];
  const shape = shapeName(timedShape(layer(64, 4), 8));
  const slow = Object.fromEntries(waysOf(layer(64, 4), both).map((way) => [way, pass(9)]));
  await addTimes(
    join(folder, timesFileName),
    machineName(1),
    new Map([[shape, { ...slow, "bf16 winograd": pass(1) }]]),
  );
  const options = { batchAt: () => 8, threads: 1, folder };
  const choices = await chooseLayers(new Map([[0, uses]]), { ...options, precisions: both });
  expect(choices?.phases.get(0)).toMatchObject({ precision: "bf16", convolutions: { "64>64 4x4": "winograd" } });
  const inFloat = await chooseLayers(new Map([[0, uses]]), { ...options, precisions: ["fp32"] });
  expect(inFloat?.phases.get(0)).toMatchObject({ precision: "fp32", convolutions: {} });
  const nothing = join(folder, "nothing");
  expect(
    await chooseLayers(new Map([[0, uses]]), {
      ...options,
      folder: nothing,
      precisions: ["fp32"],
      asked: () => "winograd",
    }),
  ).toBeUndefined();
  expect(existsSync(nothing)).toBe(false);
  expect(readFileSync(join(folder, timesFileName), "utf8")).toContain('"64>64 4x4 x 8"');
});
