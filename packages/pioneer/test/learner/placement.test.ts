// libtorch's "meta" device stands in for CUDA: it computes shapes and refuses to mix with the CPU, so a constant left on the
// CPU or a number read inside a step fails here as it would there.
import { noGrad, operator, RandomGenerator, type Tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import { placeLearner } from "../../src/learner/placement.ts";
import { resolutionOf } from "../../src/networks/index.ts";
import { ageObjective } from "../../src/objectives/index.ts";
import { LossRing } from "../../src/train/loss-ring.ts";
import { trainStep } from "../../src/train/step.ts";
import { contents, randomImages, tinyLearner, train } from "../support/tiny.ts";

/** Some operators compute shapes only with PyTorch's Python beside libtorch; from C++ alone a step cannot run on meta. */
const missing = noMeta();
if (missing) console.log(`a step on the meta device is not tested: ${missing}`);
function noMeta(): string | undefined {
  try {
    randomImages(1, 0, new RandomGenerator(0)).to("meta").flip([2]).dispose();
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 120);
  }
}

const growths = [
  { phase: 2, alpha: 1 },
  { phase: 2, alpha: 0.4 },
];

/** Every tensor that a learner holds. */
function* everything({ generator, encoder, generatorEma, optimisers, pool }: ReturnType<typeof tinyLearner>) {
  for (const network of [generator, encoder, generatorEma]) yield* network.tensors();
  for (const { state } of Object.values(optimisers)) {
    for (const [name, { secondMoment }] of state) yield [name, secondMoment] as const;
  }
  if (pool.images) yield ["pool", pool.images] as const;
}

test
  .runIf(!missing)
  .each(
    growths.flatMap((growth) =>
      (["fp32", "bf16"] as const).map((precision) => [growth.alpha, precision, growth] as const),
    ),
  )("a step at alpha %d in %s stays on the learner's device", (_alpha, precision, growth) => {
  const learner = tinyLearner();
  placeLearner(learner, "meta");
  const random = new RandomGenerator(1);
  const latents = () => drawLatents(4, 8, random).to("meta");
  const ring = new LossRing(2, "meta");
  for (let step = 1; step <= 2; step++) {
    const inputs = {
      x: randomImages(4, growth.phase, random).to("meta"),
      zEncoder: latents(),
      zGenerator: [latents(), latents()],
      trades: learner.pool.draw(4, random, "meta"),
    };
    const losses = trainStep(ageObjective(accv2018), learner, inputs, {
      growth,
      precision,
      encoderOrder: "joint",
    });
    for (const [name, { device, shape }] of Object.entries(losses)) {
      expect({ name, device, shape }).toEqual({ name, device: "meta", shape: [] });
    }
    ring.write(losses, { step, images: 4 * step, batch: 4 });
  }
  for (const [name, { device }] of everything(learner)) expect(device, name).toBe("meta");
  expect(learner.pool.count).toBe(growth.alpha === 1 ? 8 : 0);
  const z = latents();
  const image = noGrad(() => learner.generatorEma.prepare(growth, precision)(z));
  expect(image.toString()).toBe(`Tensor(float32[4,3,${resolutionOf(2)},${resolutionOf(2)}] meta)`);
});

test("a tensor of another device is refused, so the test above can fail", () => {
  const add = operator<[Tensor, Tensor], Tensor>("aten::add.Tensor");
  const random = new RandomGenerator(1);
  const x = randomImages(1, 0, random);
  expect(() => add(x.to("meta"), x)).toThrow(/device/i);
});

test("a learner placed where it lies keeps every number, and trains on to the same ones", () => {
  const [moved, stayed] = [tinyLearner(), tinyLearner()];
  const growth = { phase: 1, alpha: 1 };
  for (const learner of [moved, stayed]) train(learner, 1, { growth });
  placeLearner(moved, "cpu");
  for (const learner of [moved, stayed]) train(learner, 1, { growth, seed: 2 });
  expect(contents(moved)).toEqual(contents(stayed));
});
