// Whether a device computes what the processor does: the fused operators beside those of the CPU, and steps as CUDA graphs
// beside the same steps launched kernel by kernel. What the networks compute is left to `verify --device`.
import { chooseComputing, type WantedComputing } from "pioneer-networks/torch";
import {
  capabilities,
  type Device,
  dtypeCode,
  fused,
  grad,
  hasFused,
  RandomGenerator,
  randn,
  scope,
  setDeterministic,
  type Tensor,
} from "pioneer-torch";
import { createStepper } from "./workload.ts";

export interface DeviceCheck {
  readonly name: string;
  readonly ok: boolean;
  /** The largest difference, relative to the largest value that is expected. */
  readonly error: number;
  readonly allowed: number;
  /** Where it could not be computed. */
  readonly why?: string;
}

/**
 * Sums of some thousand float32 numbers in another order part by a few 2^-24 of the largest. bfloat16 rounds by 2^-8 at most;
 * a way back sees the rounded output, and rounds once more.
 */
const allowed = { float32: 1e-5, bfloat16: 4 * 2 ** -8 } as const;
type Format = keyof typeof allowed;

const slope = 0.2;
const epsilon = 1e-8;
/** Odd widths, 1 x 1 pixels, as many channels as there are; 4C channels of one pixel more for the enlarging one. */
const shapes = [
  [4, 512, 4, 4],
  [3, 33, 5, 7],
  [2, 64, 32, 32],
  [1, 130, 1, 1],
];
const kernelShapes = [
  [32, 16, 3, 3],
  [5, 3, 3, 3],
];

/** The same numbers on every device: drawn on the CPU. */
const draw = (shape: readonly number[], seed: number) => randn([...shape], new RandomGenerator(seed));

/** What an operator gives, and its gradients, on a device. */
type Compute = (device: Device) => readonly Tensor[];

/** @param compute of a first argument channels last and others */
const differentiated =
  (compute: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Compute =>
  (device) => {
    const leaves = inputs.map((input) => input.to(device).detach().requiresGrad_());
    const y = compute(...leaves);
    const weights = draw(y.shape, 99).to(y.dtype).to(device);
    return [y.detach(), ...grad(y, leaves, { gradOutputs: [weights] })];
  };

function operatorsOf(dtype: Format): readonly (readonly [name: string, compute: Compute])[] {
  const laid = (shape: readonly number[]) => draw(shape, 1).to(dtype).contiguous("channelsLast");
  const images = shapes.flatMap((shape) => {
    const [batch = 1, channels = 1, height = 1, width = 1] = shape;
    const named = (name: string) => `${name} [${shape.join(", ")}]`;
    const bias = draw([channels], 2);
    const x = laid(shape);
    const enlarged = laid([batch, 4 * channels, height + 1, width + 1]);
    const even = height % 2 === 0 && width % 2 === 0;
    const pooled = differentiated((x, bias) => fused.biasLeakyReluPool(x, bias as Tensor, slope), [x, bias]);
    return [
      [
        named("pixelNormLeakyRelu"),
        differentiated((x, bias) => fused.pixelNormLeakyRelu(x as Tensor, bias as Tensor, slope, epsilon), [x, bias]),
      ],
      [
        named("upsampledPixelNormLeakyRelu"),
        differentiated(
          (x, bias) => fused.upsampledPixelNormLeakyRelu(x as Tensor, bias as Tensor, slope, epsilon),
          [enlarged, bias],
        ),
      ],
      [
        named("biasLeakyRelu"),
        differentiated((x, bias) => fused.biasLeakyRelu(x as Tensor, bias as Tensor, slope), [x, bias]),
      ],
      ...(even ? [[named("biasLeakyReluPool"), pooled] as const] : []),
      [named("fade"), differentiated((before, now) => fused.fade(before as Tensor, now as Tensor, 0.3), [x, x.mul(2)])],
    ] as const;
  });
  const code = dtypeCode(dtype);
  const weights = kernelShapes.flatMap((shape) => {
    const named = (name: string) => `${name} [${shape.join(", ")}]`;
    const weight = draw(shape, 3);
    const [rows = 1] = shape;
    const on = (compute: (weight: Tensor) => readonly Tensor[]) => (device: Device) => compute(weight.to(device));
    return [
      [named("scaled"), on((weight) => [fused.scaled(weight, 0.3, code)])],
      [named("upsampledKernel"), on((weight) => [fused.upsampledKernel(weight, 0.3, code)])],
      [
        named("spectralNorm"),
        (device: Device) => fused.spectralNorm(weight.to(device), draw([rows], 4).to(device), code),
      ],
    ] as const;
  });
  return [...images, ...weights];
}

/** @throws ConfigError where there is no such device */
export function checkDevice(wanted: WantedComputing): DeviceCheck[] {
  const { device, threads } = chooseComputing(wanted);
  const checks: DeviceCheck[] = [];
  const check = (name: string, most: number, error: () => number) => {
    try {
      const found = scope(error);
      checks.push({ name, ok: found <= most, error: Math.min(found, Number.MAX_VALUE), allowed: most });
    } catch (thrown) {
      checks.push({ name, ok: false, error: Number.MAX_VALUE, allowed: most, why: (thrown as Error).message });
    }
  };
  if (capabilities().cudaGraphs && device === "cuda") {
    // Read by cuBLAS when it begins; else its sums depend on scheduling.
    process.env.CUBLAS_WORKSPACE_CONFIG ??= ":4096:8";
    // Before anything lies on the device: from then on this thread computes on a stream that can be recorded.
    setDeterministic(true);
    for (const precision of ["fp32", "bf16"] as const) {
      const computing = { device, precision, convolutions: "direct", threads, why: "asked for" } as const;
      const losses = (cudaGraphs: boolean) => {
        const stepper = createStepper({ phase: 2, batch: 8, n: 32 }, computing, { cudaGraphs });
        const values = Array.from({ length: stepper.warmUp + 5 }, () => stepper.step((run) => run()));
        stepper.dispose();
        return values;
      };
      check(`steps as a CUDA graph, ${precision}`, 0, () => {
        const [recorded, plain] = [losses(true), losses(false)];
        return Math.max(...plain.map((loss, step) => Math.abs(loss - (recorded[step] as number))));
      });
    }
    setDeterministic(false);
  }
  if (!hasFused(device)) {
    const why = `the fused operators are not built for ${device}`;
    checks.push({ name: "fused operators", ok: false, error: Number.MAX_VALUE, allowed: 0, why });
    return checks;
  }
  for (const dtype of ["float32", "bfloat16"] as const) {
    for (const [name, compute] of operatorsOf(dtype)) {
      check(`${name} ${dtype}`, allowed[dtype], () => {
        const expected = compute("cpu");
        return Math.max(...compute(device).map((got, i) => differenceOf(got.to("cpu"), expected[i] as Tensor)));
      });
    }
  }
  return checks;
}

/** Of the largest value that is expected; infinite where there is NaN, another shape or another dtype. */
export function differenceOf(got: Tensor, expected: Tensor): number {
  if (got.shape.join() !== expected.shape.join() || got.dtype !== expected.dtype) return Number.POSITIVE_INFINITY;
  const [a, b] = [got.to("float64"), expected.to("float64")];
  const largest = Math.max(b.abs().max().item(), 1e-30);
  const difference = a.sub(b).abs().max().item() / largest;
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

export function describeChecks(checks: readonly DeviceCheck[]): string {
  const lines = checks.map(({ name, ok, error, allowed, why }) => {
    const found = why ?? `${error.toExponential(1)} of ${allowed.toExponential(1)}`;
    return `${ok ? "ok    " : "FAILED"} ${name}: ${found}`;
  });
  const failed = checks.filter(({ ok }) => !ok).length;
  return [...lines, failed === 0 ? "The device computes what the processor does." : `${failed} FAILED`].join("\n");
}
