// What a run that goes on keeps.
import { expect, test } from "vitest";
import type { Computing } from "../../src/compute/device.ts";
import { keptComputing, recordedComputing, recordOf, withThreads } from "../../src/compute/run-computing.ts";

const forms = {
  "256>256 8x8": "winograd",
  "256>256 4x4": { forward: "direct", toData: "winograd", toWeights: "taps" },
} as const;
const computing = (phase: number): Computing => ({
  device: "cpu",
  precision: phase === 0 ? "fp32" : "bf16",
  convolutions: phase === 0 ? "direct" : forms,
  threads: phase + 1,
  why: "measured",
});
const run = { device: "cpu", phases: new Map([0, 1].map((phase) => [phase, computing(phase)])) } as const;
const recorded = recordOf(run);
const auto = { device: "auto", precision: "auto" } as const;
const machine = { device: "cpu", able: { cpuBf16: ["avx512_bf16"], cudaBf16: true }, threads: 4 } as const;
const kept = (wanted: object = {}, here: object = {}) =>
  keptComputing(recorded, { ...auto, ...wanted }, { ...machine, ...here });

test("the record is plain JSON that says all but why", () => {
  expect(recordedComputing.parse(JSON.parse(JSON.stringify(recorded)))).toEqual({
    device: "cpu",
    phases: [
      { phase: 0, precision: "fp32", threads: 1, convolutions: "direct" },
      { phase: 1, precision: "bf16", threads: 2, convolutions: forms },
    ],
  });
  expect(recordedComputing.safeParse({ ...recorded, device: "tpu" }).success).toBe(false);
});

test("threads change from a phase on, and nothing else", () => {
  const changed = recordOf(withThreads(run, 1, 7));
  expect(changed.phases).toEqual([recorded.phases[0], { ...recorded.phases[1], threads: 7 }]);
});

test("all of it is kept where nothing else is asked for, and nothing is told", () => {
  const phases = recorded.phases.map(({ phase, ...choice }) => [phase, choice] as const);
  expect(kept()).toEqual({ kept: new Map(phases), told: [] });
  expect(keptComputing(undefined, auto, machine)).toEqual({ kept: new Map(), told: [] });
});

test("what is asked for now wins; phases of another precision are chosen anew", () => {
  expect([...kept({ precision: "fp32" }).kept.keys()]).toEqual([0]);
  expect([...kept({ threads: 3, convolutions: "direct" }).kept.values()]).toEqual([
    { precision: "fp32", threads: 3, convolutions: "direct" },
    { precision: "bf16", threads: 3, convolutions: "direct" },
  ]);
});

test("another device chooses anew, and says so", () => {
  expect(kept({}, { device: "cuda" })).toEqual({
    kept: new Map(),
    told: ["the run was begun on cpu, and goes on on cuda: chosen anew"],
  });
});

test("a processor without units for bfloat16 chooses these phases anew and says so, unless bfloat16 is asked for", () => {
  const here = { able: { cpuBf16: [], cudaBf16: false } };
  const { kept: phases, told } = kept({}, here);
  expect([...phases.keys()]).toEqual([0]);
  expect(told).toEqual(["the run was begun in bf16, and this processor has no units for it: chosen anew"]);
  expect(kept({ precision: "bf16" }, here)).toMatchObject({ told: [] });
  expect([...kept({ precision: "bf16" }, here).kept.keys()]).toEqual([1]);
});

test("more threads than can run here become fewer, which is told", () => {
  const { kept: phases, told } = kept({}, { threads: 1 });
  expect([...phases.values()].map(({ threads }) => threads)).toEqual([1, 1]);
  expect(told).toEqual(["the run was begun with 2 threads, and 1 can run here: results differ in the last bits"]);
});
