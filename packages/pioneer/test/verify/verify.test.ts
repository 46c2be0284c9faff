import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setThreads } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { Group } from "../../src/verify/compare.ts";
import { verify } from "../../src/verify/verify.ts";
import { fixture } from "../support/fixture.ts";

const reference = fixture("reference");
const bin = fileURLToPath(new URL("../../bin/verify.js", import.meta.url));
const folder = temporaryFolder();

setThreads(1);

/** npm run verify, from the build. */
const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: "utf8", cwd: folder });
  return { status, stdout, stderr };
};

/** A copy of the reference to damage. */
function copy(): string {
  const target = join(folder, "copy");
  rmSync(target, { recursive: true, force: true });
  cpSync(reference, target, { recursive: true });
  return target;
}

type Header = Record<string, { data_offsets: [number, number] }>;

/** Adds `by` to one number of each of these tensors. */
function change(target: string, file: string, names: readonly string[], by: number): void {
  const path = join(target, file);
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Header;
  for (const name of names) {
    const [from, to] = header[name]?.data_offsets ?? [Number.NaN, Number.NaN];
    const at = start + from + 4 * Math.floor((to - from) / 8); // the middle one
    bytes.writeFloatLE(bytes.readFloatLE(at) + by, at);
  }
  writeFileSync(path, bytes);
}

/** Gives a tensor another name of the same length. */
function rename(target: string, file: string, from: string, to: string): void {
  const path = join(target, file);
  const bytes = readFileSync(path);
  const at = bytes.indexOf(`"${from}"`);
  expect(at).toBeGreaterThan(0);
  bytes.write(to, at + 1);
  writeFileSync(path, bytes);
}

const failed = (target: string) =>
  Object.entries(verify(target))
    .filter(([, { ok }]) => !ok)
    .map(([name]) => name);

const metrics = {
  generator: "maxAbs",
  encoder: "maxAbs",
  u: "maxAbs",
  encoderLosses: "maxAbs",
  generatorKl: "maxAbs",
  generatorLosses: "maxAbs",
  stepImages: "maxAbs",
  stepCodes: "maxAbs",
  generatorCodes: "maxAbs",
  gradients: "relL2",
  parameters: "fractionWithin",
  ema: "maxAbs",
  stepU: "maxAbs",
};

describe("the reference", () => {
  test("is matched: exit 0, and with --json one object", () => {
    const { status, stdout, stderr } = run(reference, "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { ok, groups } = JSON.parse(stdout) as { ok: boolean; groups: Record<string, Record<string, unknown>> };
    expect(ok).toBe(true);
    expect(Object.fromEntries(Object.entries(groups).map(([name, { metric }]) => [name, metric]))).toEqual(metrics);
    for (const group of Object.values(groups)) {
      expect(Object.keys(group)).toEqual(["metric", "value", "tolerance", "maxAbs"]);
      for (const name of ["value", "tolerance", "maxAbs"]) expect(group[name]).toBeTypeOf("number");
      const [value, tolerance] = [group.value as number, group.tolerance as number];
      if (group.metric === "fractionWithin") expect(value).toBeGreaterThanOrEqual(tolerance);
      else expect(value).toBeLessThanOrEqual(tolerance);
    }
  });

  test("is matched in words, a line for each group", () => {
    const { status, stdout } = run(reference);
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("The networks and the training step match the reference.");
    expect(lines.slice(0, -1).map((line) => line.split(/ +/).slice(0, 2).join(" "))).toEqual(
      Object.keys(metrics).map((name) => `ok ${name}`),
    );
  });
});

describe("a reference of another network is not matched", () => {
  test("one weight of the generator: exit 1, and the group is named", () => {
    const target = copy();
    change(target, "networks.safetensors", ["generator.progression.1.conv.0.conv.weight_orig"], 0.05);
    const { status, stdout, stderr } = run(target);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(/^FAILED generator .*; worst: G\/phase/m);
    expect(stdout.match(/^FAILED/gm)?.length).toBe(1);
    expect(stdout).toMatch(/The networks do NOT match the reference\.\n$/);
  });

  test("one weight and one u of the encoder", () => {
    const target = copy();
    change(target, "networks.safetensors", ["encoder.progression.8.conv.2.conv.weight_orig"], 0.02);
    expect(failed(target)).toEqual(["encoder", "u"]);
    const other = copy();
    change(other, "networks.safetensors", ["encoder.progression.8.conv.0.conv.weight_u"], 0.02);
    expect(failed(other)).toEqual(["encoder", "u"]);
  });

  test("expected numbers just out of tolerance: every group notices its own", () => {
    const target = copy();
    // Twice the tolerance of each group, on top of an agreement that is well inside it.
    const networks: [string, number][] = [
      ["G/phase3/alpha0.3", 4e-5],
      ["E/phase3/alpha0.3", 1e-5],
      ["u_after/phase2/encoder.progression.8.conv.0.conv.weight_u", 1e-5],
    ];
    const step: [string, number][] = [
      ["case1/loss/E/KL_fake", 2e-5],
      ["case1/loss/G2/KL", 2e-4],
      ["case2/loss/G1/G_loss", 2e-3],
      ["case2/E/recon_x", 4e-5],
      ["case1/E/real_z", 1e-5],
      ["case1/G2/egz", 4e-5],
      ["case2/after/g_running.to_rgb.3.weight", 2e-5],
      ["case2/after/encoder.progression.8.conv.0.conv.weight_u", 2e-4],
    ];
    for (const [name, by] of networks) change(target, "networks.safetensors", [name], by);
    for (const [name, by] of step) change(target, "train_step.safetensors", [name], by);
    change(target, "train_step.safetensors", ["case1/grad/E/encoder.from_rgb.6.bias"], 1);
    expect(failed(target)).toEqual(Object.keys(metrics).filter((name) => name !== "parameters"));
  });

  test("parameters after the step, more than one in a thousand of them", () => {
    const target = copy();
    const path = join(target, "train_step.safetensors");
    const bytes = readFileSync(path);
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString("utf8", 8, start)) as Header;
    const [from, to] = header["case1/after/generator.progression.0.conv.0.conv.weight_orig"]?.data_offsets ?? [0, 0];
    for (let at = from; at < to; at += 4) bytes.writeFloatLE(bytes.readFloatLE(start + at) + 2e-5, start + at);
    writeFileSync(path, bytes);
    expect(failed(target)).toEqual(["parameters"]);
  });
});

describe("a folder that is no reference", () => {
  const expectLine = (args: string[], status: number, line: RegExp) => {
    const result = run(...args);
    expect(result).toMatchObject({ status, stdout: "" });
    expect(result.stderr).toMatch(line);
  };

  test("a file cut short", () => {
    const target = copy();
    const path = join(target, "networks.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, -100));
    expectLine([target, "--json"], 1, /^verify: .*networks\.safetensors is not a whole safetensors file: [^\n]+\n$/);
  });

  test("a tensor missing", () => {
    const target = copy();
    const name = "generator.progression.1.conv.0.conv.bias";
    rename(target, "networks.safetensors", name, name.replace("bias", "biaz"));
    expectLine([target], 1, /^verify: the tensor generator\.progression\.1\.conv\.0\.conv\.bias is missing\n$/);
  });

  test("a file missing, a broken list of cases, no folder", () => {
    const target = copy();
    writeFileSync(join(target, "train_step.json"), "{");
    expectLine([target], 1, /^verify: .*train_step\.json[^\n]*\n$/);
    rmSync(join(target, "train_step.json"));
    expectLine([target], 1, /^verify: .*copy is not a reference folder: train_step\.json is missing\. [^\n]+\n$/);
    expectLine([], 2, /^verify: expected one folder, got 0\n/);
    expectLine([reference, "--fast"], 2, /^verify: Unknown option '--fast'/);
  });
});

describe("how a group is judged", () => {
  test("maxAbs by its worst element, relL2 by its worst tensor, fractionWithin by all elements", () => {
    const abs = new Group("maxAbs", 0.1);
    abs.add("a", [1, 2], [1, 2.05]);
    abs.add("b", [1], [1.2]);
    expect(abs.result()).toMatchObject({ ok: false, worst: "b", tensors: 2 });
    expect(abs.result().value).toBeCloseTo(0.2, 12);

    const relative = new Group("relL2", 0.1);
    relative.add("large", [3, 4.4], [3, 4]); // 0.4 / 5
    expect(relative.result()).toMatchObject({ ok: true, worst: "large" });
    expect(relative.result().value).toBeCloseTo(0.08, 12);

    const share = new Group("fractionWithin", 0.75, 0.01);
    share.add("a", [1, 2, 3], [1, 2, 9]);
    expect(share.result()).toMatchObject({ ok: false, value: 2 / 3 });
    share.add("b", [4], [4.005]);
    expect(share.result()).toMatchObject({ ok: true, value: 0.75, maxAbs: 6 });
  });

  test("NaN and a group without a number never pass", () => {
    for (const [metric, tolerance] of [
      ["maxAbs", 1e9],
      ["relL2", 1e9],
      ["fractionWithin", 0.9],
    ] as const) {
      const group = new Group(metric, tolerance, 1);
      expect(group.result().ok).toBe(false);
      group.add("a", [Number.NaN], [1]);
      expect(group.result().ok).toBe(false);
    }
  });

  test("another number of elements is an error", () => {
    expect(() => new Group("maxAbs", 1).add("x", [1], [1, 2])).toThrow(
      "x: we computed 1 numbers, the reference holds 2",
    );
  });
});
