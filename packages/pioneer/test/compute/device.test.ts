// What is chosen to compute with.
import { capabilities, formOf } from "pioneer-torch";
import { expect, test } from "vitest";
import { chooseComputing, precisionsFor, useComputing } from "../../src/compute/device.ts";

test("unmeasured, Winograd's convolutions are taken in float32, and in bfloat16 with AVX-512 but not with AMX", () => {
  const fp32 = chooseComputing({ device: "cpu", precision: "fp32" });
  const why = "device: asked for; precision: asked for";
  expect(fp32).toMatchObject({ precision: "fp32", convolutions: "winograd", why });
  const bf16 = (cpuBf16: string[]) =>
    chooseComputing({ device: "cpu", precision: "bf16" }, { ...capabilities(), cpuBf16 }).convolutions;
  expect(bf16(["avx512_bf16"])).toBe("winograd");
  expect(bf16(["amx_bf16", "avx512_bf16"])).toBe("direct");
  expect(bf16([])).toBe("direct");
});

test("on a CPU there is a choice of precisions where it has units for bfloat16, unless one is asked for", () => {
  const choice = (precision: "auto" | "bf16" | "fp32", ...cpuBf16: string[]) =>
    precisionsFor({ precision }, "cpu", { ...capabilities(), cpuBf16 });
  expect(choice("auto", "avx512_bf16")).toEqual({
    precisions: ["fp32", "bf16"],
    because: "the processor has avx512_bf16",
  });
  expect(choice("auto")).toEqual({
    precisions: ["fp32"],
    because: "the processor has no bf16 unit (amx_bf16, avx512_bf16)",
  });
  expect(choice("bf16")).toEqual({ precisions: ["bf16"], because: "asked for" });
  expect(choice("fp32", "amx_bf16")).toEqual({ precisions: ["fp32"], because: "asked for" });
});

test("a GPU computes in bfloat16 where it has units for it, in float32 where not", () => {
  const gpu = { ...capabilities(), cudaDevices: 1, cudaBf16: true };
  const wanted = { device: "auto", precision: "auto" } as const;
  const why = (units: string) => `device: CUDA is available; precision: ${units}`;
  expect(chooseComputing(wanted, gpu)).toMatchObject({
    device: "cuda",
    precision: "bf16",
    convolutions: "direct",
    why: why("the GPU has bf16 units"),
  });
  expect(chooseComputing(wanted, { ...gpu, cudaBf16: false })).toMatchObject({
    device: "cuda",
    precision: "fp32",
    why: why("the GPU has no bf16 units (compute capability below 8.0)"),
  });
});

test("what is asked for is taken", () => {
  for (const convolutions of ["direct", "winograd"] as const) {
    const computing = chooseComputing({ device: "cpu", precision: "bf16", convolutions, threads: 3 });
    expect(computing).toMatchObject({ convolutions, threads: 3 });
  }
  const gpu = { ...capabilities(), cudaDevices: 1 };
  expect(() => chooseComputing({ device: "auto", precision: "auto", convolutions: "winograd" }, gpu)).toThrow(
    "--convolutions winograd is for the CPU, this run computes on cuda; leave it out",
  );
});

test("Winograd's convolutions are those of 128 and more channels", () => {
  const form = (into: number, out: number) => formOf("cpu", "float32", { into, out, side: 4, enlarging: false });
  const use = (convolutions: "direct" | "winograd") =>
    useComputing(chooseComputing({ device: "cpu", precision: "fp32", convolutions, threads: 1 }));
  use("winograd");
  expect([form(128, 128), form(127, 128), form(128, 127)]).toEqual(["winograd", "direct", "direct"]);
  use("direct");
  expect(form(128, 128)).toBe("direct");
});

test("forms chosen by layer are taken by its name; those without one are direct", () => {
  const convolutions = { "512>256 4x4": "winograd" } as const;
  useComputing({ threads: 1, convolutions });
  const form = (side: number, enlarging = false) => formOf("cpu", "bfloat16", { into: 512, out: 256, side, enlarging });
  expect([form(4), form(8), form(4, true)]).toEqual(["winograd", "direct", "direct"]);
  useComputing({ threads: 1, convolutions: "direct" });
});
