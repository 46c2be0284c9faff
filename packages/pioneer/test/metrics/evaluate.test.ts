import { memory, scope, type Tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { PackPixels } from "../../src/data/batches.ts";
import { evaluate } from "../../src/metrics/evaluate.ts";
import type { Accumulator, Evaluation, Metric } from "../../src/metrics/metric.ts";
import type { Subject } from "../../src/metrics/subject.ts";
import { discs, makePack } from "../support/tiny.ts";
import "./support.ts";

const folder = temporaryFolder();
const pack = await makePack(folder, 80, 8, discs);
const pixels = new PackPixels(pack);

/** Latents of three numbers, the mean colours of an image; an image of them has one colour. Counts what it is asked. */
function colours() {
  const asked = { encoded: 0, generated: 0 };
  const subject: Subject = {
    resolution: 8,
    latent: 3,
    colour: "rgb",
    growth: { phase: 1, alpha: 1 },
    hasLatents: true,
    async encode(x) {
      asked.encoded += x.size(0);
      return x.mean([2, 3]);
    },
    async generate(z) {
      asked.generated += z.size(0);
      const shape = [z.size(0), 3, 8, 8];
      return scope(() => z.unsqueeze(2).unsqueeze(3).expand(shape).contiguous());
    },
  };
  return { subject, asked };
}

const indices = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);
const selection = { samples: 40, reals: indices(35), heldOut: indices(70) };
const sum = (x: Tensor) => scope(() => x.to("float64").sum().item());

/** Sums over the pixels of all that passes, by kind. */
async function pixelSums(): Promise<Accumulator & { readonly sums: Record<string, number> }> {
  const sums = { samples: 0, reals: 0, decoded: 0 };
  return {
    sums,
    seeSamples({ pictures }) {
      sums.samples += sum(pictures);
    },
    seeReals({ pictures }) {
      sums.reals += sum(pictures);
    },
    async seeHeldOut({ decoded }) {
      sums.decoded += sum(await decoded());
    },
  };
}

const valueNamed = (name: string, value: number) => ({ name, value, better: "lower", images: 1 }) as const;

/** Two metrics of the same sums. */
const sumOf = (kind: string): Metric => ({
  needs: { samples: true, reals: true, heldOut: true, images: 1 },
  async begin(evaluation: Evaluation) {
    const { sums } = await evaluation.shared(pixelSums);
    return { values: () => [valueNamed(kind, sums[kind] as number)] };
  },
});

/** What is seen of each image, by the metric itself. */
const countImages: Metric = {
  needs: { samples: true, reals: true, heldOut: true, images: 1 },
  async begin() {
    let [samples, reals, heldOut] = [0, 0, 0];
    return {
      seeSamples({ pictures }) {
        samples += pictures.size(0);
      },
      seeReals({ pictures }) {
        reals += pictures.size(0);
      },
      seeHeldOut({ original }) {
        heldOut += original.size(0);
      },
      values: () => [
        valueNamed("samples seen", samples),
        valueNamed("reals seen", reals),
        valueNamed("held out seen", heldOut),
      ],
    };
  },
};

test("every image passes once, whatever is asked for, and nothing of it stays", async () => {
  const before = memory().tensors;
  const { subject, asked } = colours();
  const stages = new Map<string, number>();
  const values = await evaluate(subject, pixels, selection, {
    metrics: [sumOf("samples"), sumOf("reals"), sumOf("decoded"), countImages],
    seed: 0,
    onProgress: ({ stage, done }) => stages.set(stage, done),
  });
  expect(values?.slice(3).map(({ value }) => value)).toEqual([40, 35, 70]);
  // Shared: the second metric did not see what the first had seen already.
  const reals = scope(() => {
    const bytes = pixels.images(indices(35), 1).clamp(-1, 1).add(1).mul(127.5).add(0.5);
    return [...bytes.toFloat32Array()].reduce((total, value) => total + Math.floor(value), 0);
  });
  expect(values?.[1]?.value).toBe(reals);
  expect(asked).toEqual({ encoded: 70, generated: 40 + 70 });
  expect([...stages.values()]).toEqual([40, 75, 145, 145]);
  expect(memory().tensors).toBe(before);
});

test("held-out images are decoded only for a metric that looks at what came of them", async () => {
  const { subject, asked } = colours();
  await evaluate(subject, pixels, selection, { metrics: [countImages], seed: 0 });
  expect(asked).toEqual({ encoded: 70, generated: 40 });
});

test("a metric that fails leaves nothing behind, nor does an evaluation that is stopped", async () => {
  const before = memory().tensors;
  const { subject } = colours();
  const failing: Metric = {
    needs: { images: 1, heldOut: true },
    async begin() {
      return { seeHeldOut: () => Promise.reject(new Error("no")), values: () => [] };
    },
  };
  const options = { metrics: [sumOf("decoded"), failing], seed: 0 };
  await expect(evaluate(subject, pixels, selection, options)).rejects.toThrow("no");
  let batches = 0;
  const stopped = evaluate(subject, pixels, selection, {
    metrics: [countImages],
    seed: 0,
    stopped: () => ++batches > 1,
  });
  expect(await stopped).toBeUndefined();
  expect(memory().tensors).toBe(before);
});
