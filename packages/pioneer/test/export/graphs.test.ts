import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Colour } from "pioneer-runtime";
import { graphPorts } from "pioneer-runtime/internal";
import { noGrad, RandomGenerator, rand, scope, type Tensor } from "pioneer-torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018, balanced, type Recipe, recipeOf } from "../../src/config/recipe.ts";
import { differenceOf } from "../../src/export/check.ts";
import type { WeightFormat } from "../../src/export/graph-builder.ts";
import { encoderGraph, generatorGraph } from "../../src/export/graphs.ts";
import { largestFile, onnxFile } from "../../src/export/onnx-file.ts";
import type { Learner } from "../../src/learner/learner.ts";
import { type Growth, resolutionOf } from "../../src/networks/index.ts";
import { inColour } from "../../src/pictures/colour.ts";
import { randomImages, tinyLearner, train } from "../support/tiny.ts";
import { Runner, structureOf } from "./support.ts";

const folder = temporaryFolder();
const runner = new Runner();
afterAll(() => runner.close());

/** Latent and channels differ, and neither is a multiple of what processors like. */
const size = { latent: 12, channels: 20 };
/** At least as many channels as layers in tiles have. */
const wide = { latent: 12, channels: 128 };
const batch = 3;
const narrow = recipeOf({ recipe: "cycle", channelProfile: 480 });
const recipes = {
  accv2018,
  balanced,
  "accv2018 without the last activation": unactivated(),
  "of a channel profile": narrow,
};

function unactivated(): Recipe {
  return { ...accv2018, networks: { ...accv2018.networks, activatedCode: false } };
}

const learners = new Map<string, Learner>();
beforeAll(() => {
  const all = Object.entries(recipes).map(([name, recipe]) => [name, tinyLearner(size, 7, recipe)] as const);
  for (const [name, learner] of [...all, ["wide", tinyLearner(wide, 7)] as const]) {
    // Biases of 0 hide faults; so do networks of which the average is a copy.
    const random = new RandomGenerator(3);
    for (const network of [learner.encoder, learner.generatorEma]) {
      for (const [key, value] of network.parameters) {
        if (key.endsWith("bias")) noGrad(() => scope(() => value.copy_(rand(value.shape, random, -0.5, 0.5))));
      }
    }
    learners.set(name, learner);
  }
});

interface Case {
  readonly recipe: string;
  readonly growth: Growth;
  readonly colour?: Colour;
  readonly format?: WeightFormat;
}

/** libtorch's outputs beside ONNX Runtime's, of both graphs. */
async function outputs({ recipe, growth, colour = "rgb", format = "fp32" }: Case) {
  const { generatorEma, encoder } = learners.get(recipe) as Learner;
  const random = new RandomGenerator(11);
  const r = resolutionOf(growth.phase);
  const through = async (
    which: "generator" | "encoder",
    input: Tensor,
    shape: number[],
    network: (x: Tensor) => Tensor,
    bytes: Uint8Array,
  ) => {
    const path = join(folder, graphPorts[which].file);
    writeFileSync(path, bytes);
    const ports = await runner.open(path);
    const values = input.toFloat32Array();
    const got = await runner.run(graphPorts[which].input, values, [batch, ...shape], graphPorts[which].output);
    const expected = noGrad(() => scope(() => network(input).toFloat32Array()));
    return { got, expected, ports, structure: structureOf(readFileSync(path)), bytes: bytes.length };
  };
  return {
    generator: await through(
      "generator",
      drawLatents(batch, size.latent, random),
      [size.latent],
      (z) => inColour(generatorEma.prepare(growth, "fp32")(z), colour),
      onnxFile(generatorGraph(generatorEma, growth, colour, format), {}),
    ),
    encoder: await through(
      "encoder",
      randomImages(batch, growth.phase, random),
      [3, r, r],
      (x) => encoder.prepare(growth, "fp32", "keep")(x),
      onnxFile(encoderGraph(encoder, growth, format), {}),
    ),
  };
}

const phases = [0, 1, 2, 3, 4, 5];

describe.each(Object.keys(recipes))("the graphs of %s", (recipe) => {
  test.each(phases)(
    "compute what libtorch computes in phase %i: faded in, half way, and at the first step",
    async (phase) => {
      for (const alpha of [1, 0.35, 0]) {
        const { generator, encoder } = await outputs({ recipe, growth: { phase, alpha } });
        // Measured 3e-6 at most (ONNX Runtime 1.30, libtorch 1.13, November 2026); what is wanted is 1e-4.
        expect(differenceOf(generator.got, generator.expected).largest).toBeLessThan(2e-5);
        expect(differenceOf(encoder.got, encoder.expected).largest).toBeLessThan(2e-5);
      }
    },
  );
});

test("wide layers are computed in tiles, and what comes out is libtorch's", async () => {
  for (const { phase, alpha } of [
    { phase: 2, alpha: 1 },
    { phase: 3, alpha: 0.35 },
  ]) {
    // biome-ignore format: a table
    const { generator, encoder } = await outputs({ recipe: "wide", growth: { phase, alpha } });
    // Blocks of 16x16 and more: one convolution of the generator's each, and two of the encoder's but the one that reads RGB.
    const [ofGenerator, ofEncoder] = [generator, encoder].map(({ structure: { names } }) =>
      names.filter((name) => name.endsWith(".products")),
    );
    expect(ofGenerator).toHaveLength(phase - 1);
    expect(ofEncoder).toHaveLength(2 * (phase - 1) - 1);
    // Measured 2e-6 at most (ONNX Runtime 1.30, libtorch 1.13, November 2026).
    expect(differenceOf(generator.got, generator.expected).largest).toBeLessThan(2e-5);
    expect(differenceOf(encoder.got, encoder.expected).largest).toBeLessThan(2e-5);
  }
  // Taps lie in another order there, each output with its scale in int8.
  const small = await outputs({ recipe: "wide", growth: { phase: 2, alpha: 1 }, format: "int8" });
  for (const { got, expected } of [small.generator, small.encoder]) {
    expect(differenceOf(got, expected).relative).toBeLessThan(0.05);
  }
});

test("a fade blends: its images are neither those of the new resolution nor of the old", async () => {
  const at = (alpha: number) => outputs({ recipe: "accv2018", growth: { phase: 2, alpha } });
  const [now, half, before] = [await at(1), await at(0.5), await at(0)];
  for (const which of ["generator", "encoder"] as const) {
    expect(differenceOf(half[which].got, now[which].got).relative).toBeGreaterThan(0.05);
    expect(differenceOf(half[which].got, before[which].got).relative).toBeGreaterThan(0.05);
  }
});

test("a grey model's images have three equal channels, libtorch's", async () => {
  for (const alpha of [1, 0.35]) {
    const { generator } = await outputs({ recipe: "accv2018", growth: { phase: 2, alpha }, colour: "grey" });
    expect(differenceOf(generator.got, generator.expected).largest).toBeLessThan(2e-5);
    const [red, blue] = [generator.got.slice(0, 256), generator.got.slice(512, 768)];
    expect(differenceOf(red, blue).largest).toBe(0);
  }
});

test("ports have the agreed names, float32 and a free batch", async () => {
  const { generator, encoder } = await outputs({ recipe: "accv2018", growth: { phase: 2, alpha: 1 }, format: "fp16" });
  const latents = { name: "latents", type: "float32", shape: ["batch", 12] };
  const images = { name: "images", type: "float32", shape: ["batch", 3, 16, 16] };
  expect(generator.ports).toMatchObject({ inputs: [latents], outputs: [images] });
  expect(encoder.ports).toMatchObject({ inputs: [images], outputs: [latents] });
});

test("only operators that every ONNX Runtime computes well are in the files", async () => {
  const known =
    "Conv MatMul AveragePool ReduceL2 Add Sub Mul Div Sqrt LeakyRelu Resize Reshape Transpose Concat Slice Pad Cast";
  const seen = new Set<string>();
  for (const format of ["fp32", "fp16", "int8"] as const) {
    for (const recipe of Object.keys(recipes)) {
      const { generator, encoder } = await outputs({ recipe, growth: { phase: 2, alpha: 0.5 }, format });
      for (const { structure } of [generator, encoder]) {
        expect(structure.operatorSet).toBe(17);
        for (const operator of structure.operators) seen.add(operator);
      }
    }
  }
  expect([...seen].sort()).toEqual(known.split(" ").sort());
});

describe("weights in fewer bits", () => {
  const growth = { phase: 3, alpha: 1 };

  test("fp16: half of the weights' bytes, and outputs within the rounding of eleven bits", async () => {
    const whole = await outputs({ recipe: "accv2018", growth });
    const half = await outputs({ recipe: "accv2018", growth, format: "fp16" });
    for (const which of ["generator", "encoder"] as const) {
      const [before, after] = [whole[which].structure.weights, half[which].structure.weights];
      expect(2 * (after.get(10) ?? 0) + (after.get(1) ?? 0)).toBe(before.get(1));
      // Biases and other constants, which stay; they weigh much in a network this small.
      expect(after.get(1)).toBeLessThan(0.1 * (before.get(1) ?? 0));
      // Each weight is off by at most 2^-12 of itself; errors of many add up like a random walk: measured 2e-4 to 5e-4.
      expect(differenceOf(half[which].got, half[which].expected).relative).toBeLessThan(2e-3);
    }
  });

  test("int8: a quarter, and outputs within the rounding of a 254th of each row's largest weight", async () => {
    const whole = await outputs({ recipe: "balanced", growth });
    const small = await outputs({ recipe: "balanced", growth, format: "int8" });
    for (const which of ["generator", "encoder"] as const) {
      const [before, after] = [whole[which].structure.weights, small[which].structure.weights];
      expect(4 * (after.get(3) ?? 0)).toBeGreaterThan(0.9 * (before.get(1) ?? 0));
      expect(after.get(1)).toBeLessThan(0.1 * (before.get(1) ?? 0));
      // Uniform rounding of weights that are 3 deviations wide at most: 3 / 127 / sqrt(12) = 0.7 % a layer, some layers.
      expect(differenceOf(small[which].got, small[which].expected).relative).toBeLessThan(0.05);
      expect(differenceOf(small[which].got, small[which].expected).relative).toBeGreaterThan(1e-5);
    }
  });
});

test("a row of zeros stays zero in int8", async () => {
  const learner = learners.get("balanced") as Learner;
  const first = learner.generatorEma.parameter("to_rgb.0.weight");
  const before = first.detach().clone();
  noGrad(() => scope(() => first.narrow(0, 0, 1).fill_(0)));
  const { generator } = await outputs({ recipe: "balanced", growth: { phase: 0, alpha: 1 }, format: "int8" });
  noGrad(() => first.copy_(before));
  expect(generator.got.every(Number.isFinite)).toBe(true);
  expect(differenceOf(generator.got.slice(0, 16), generator.expected.slice(0, 16)).largest).toBeLessThan(1e-6);
});

test("weights that an ONNX file cannot hold are refused before it is written", () => {
  const learner = learners.get("accv2018") as Learner;
  const graph = generatorGraph(learner.generatorEma, { phase: 0, alpha: 1 }, "rgb", "fp32");
  Object.defineProperty(graph, "bytes", { value: largestFile + 1 });
  expect(() => onnxFile(graph, {})).toThrow(
    "the generator has 2.1 GB of weights, and an ONNX file holds at most 2.1 GB: give --dtype fp16 or int8",
  );
});

test("trained networks too", async () => {
  const learner = tinyLearner(size, 1);
  train(learner, 3, { growth: { phase: 1, alpha: 1 } });
  learners.set("trained", learner);
  const { generator, encoder } = await outputs({ recipe: "trained", growth: { phase: 1, alpha: 1 } });
  expect(differenceOf(generator.got, generator.expected).largest).toBeLessThan(2e-5);
  expect(differenceOf(encoder.got, encoder.expected).largest).toBeLessThan(2e-5);
});
