// What is chosen to compute with.
import { capabilities, formOf } from "pioneer-torch";
import { expect, test } from "vitest";
import { chooseComputing, useComputing } from "../../src/compute/device.ts";

const [unit] = capabilities().cpuBf16;

test("auto takes Winograd's convolutions in float32, and in bfloat16 with AVX-512 but not with AMX; and says why", () => {
  const fp32 = chooseComputing({ device: "cpu", precision: "fp32" });
  expect(fp32).toMatchObject({ precision: "fp32", convolutions: "winograd" });
  expect(fp32.why).toBe("device: asked for; precision: asked for; convolutions: winograd, faster in float32");
  const bf16 = chooseComputing({ device: "cpu", precision: "bf16" });
  expect(bf16.convolutions).toBe(unit === "avx512_bf16" ? "winograd" : "direct");
  expect(bf16.why).toContain(unit ?? "no bf16 unit");
});

test("a GPU computes in bfloat16 where it has units for it, in float32 where not", () => {
  const gpu = { ...capabilities(), cudaDevices: 1, cudaBf16: true };
  const wanted = { device: "auto", precision: "auto" } as const;
  const why = (units: string) =>
    `device: CUDA is available; precision: ${units}; convolutions: direct, Winograd's are for the CPU`;
  expect(chooseComputing(wanted, gpu)).toMatchObject({
    device: "cuda",
    precision: "bf16",
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
    expect(computing.why).toContain(`convolutions: ${convolutions}, asked for`);
  }
});

test("Winograd's convolutions are those of 256 and more channels", () => {
  const form = (into: number, out: number) => formOf("cpu", "float32", { into, out, side: 4, enlarging: false });
  const use = (convolutions: "direct" | "winograd") =>
    useComputing(chooseComputing({ device: "cpu", precision: "fp32", convolutions, threads: 1 }));
  use("winograd");
  expect([form(256, 256), form(255, 256), form(256, 255)]).toEqual(["winograd", "direct", "direct"]);
  use("direct");
  expect(form(256, 256)).toBe("direct");
});
