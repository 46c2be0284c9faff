// Reads attributes of images off their pixels: a small convolutional network that knows nothing of any latent space.
import {
  Adam,
  avgPool2d,
  conv2d,
  grad,
  keep,
  leakyRelu,
  linear,
  noGrad,
  RandomGenerator,
  rand,
  randn,
  scope,
  type Tensor,
  tensor,
  upsampleNearest,
  zeros,
} from "pioneer-torch";

/** Some images and what is true of them. */
export interface Labelled {
  /** Some of the images. @returns [indices.length, 3, r, r] in [-1, 1] */
  readonly images: (indices: readonly number[]) => Tensor;
  /** Images in it that the network may learn from. */
  readonly train: readonly number[];
  /** By attribute, by image; standardised: mean 0, deviation 1; NaN where it is not known. */
  readonly values: readonly Float64Array[];
  /** Width and height, 16 or more. */
  readonly resolution: number;
}

export interface RegressorOptions {
  readonly steps: number;
  readonly seed: number;
  /** Told the steps done and the mean squared error of this one. */
  readonly onStep?: (step: number, error: number) => void;
}

/** Channels of the convolutions; each but the last is followed by means over 2x2. */
const widths = [32, 64, 96, 128];
const batch = 64;
const learningRate = 2e-3;
const slope = 0.1;

export class Regressor {
  readonly #weights: Map<string, Tensor>;

  private constructor(weights: Map<string, Tensor>) {
    this.#weights = weights;
  }

  /**
   * Learns all attributes at once, of each image those that are known: least squares, Adam, the rate going to 0 along half a cosine. Images are blurred and roughened at random, so
   * that a generator's softness is not read as an attribute.
   */
  static train({ images, train, values, resolution }: Labelled, { steps, seed, onStep }: RegressorOptions): Regressor {
    const random = new RandomGenerator(seed);
    const weights = newWeights(resolution, values.length, random);
    const adam = new Adam({ learningRate, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 });
    for (let step = 0; step < steps; step++) {
      adam.options = { ...adam.options, learningRate: (learningRate / 2) * (1 + Math.cos((Math.PI * step) / steps)) };
      scope(() => {
        const draws = rand([batch], random, 0, train.length).toFloat32Array();
        const rows = Array.from(draws, (draw) => train[Math.min(Math.floor(draw), train.length - 1)] as number);
        const wanted = rows.flatMap((row) => values.map((column) => column[row] as number));
        const shape = [batch, values.length];
        const known = tensor(
          Float32Array.from(wanted, (value) => (Number.isNaN(value) ? 0 : 1)),
          shape,
        );
        const target = tensor(
          Float32Array.from(wanted, (value) => (Number.isNaN(value) ? 0 : value)),
          shape,
        );
        const x = noGrad(() => spoiled(images(rows), random));
        const missed = read(weights, x).sub(target).mul(known).square().sum();
        const error = missed.div(known.sum().clamp(1, null));
        adam.step(weights, grad(error, [...weights.values()]));
        onStep?.(step + 1, error.item());
      });
    }
    adam.dispose();
    return new Regressor(weights);
  }

  /** @param images [n, 3, r, r] @returns [n * attributes], in deviations of the training images */
  read(images: Tensor): Float32Array {
    return noGrad(() => scope(() => read(this.#weights, images).toFloat32Array()));
  }

  dispose(): void {
    for (const weight of this.#weights.values()) weight.dispose();
  }
}

/** He's initialisation; biases are zero. */
function newWeights(resolution: number, outputs: number, random: RandomGenerator): Map<string, Tensor> {
  const weights = new Map<string, Tensor>();
  const add = (name: string, shape: readonly number[], gain: number) =>
    scope(() => {
      const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
      weights.set(
        `${name}.weight`,
        keep(
          randn(shape, random)
            .mul(Math.sqrt(gain / fanIn))
            .requiresGrad_(),
        ),
      );
      weights.set(`${name}.bias`, keep(zeros([shape[0] as number]).requiresGrad_()));
    });
  for (const [i, width] of widths.entries())
    add(`convolution${i}`, [width, i === 0 ? 3 : (widths[i - 1] as number), 3, 3], 2);
  const last = resolution / 2 ** (widths.length - 1);
  add("out", [outputs, (widths.at(-1) as number) * last * last], 1);
  return weights;
}

/** @returns [n, attributes] */
function read(weights: ReadonlyMap<string, Tensor>, images: Tensor): Tensor {
  const of = (name: string) => weights.get(name) as Tensor;
  return scope(() => {
    let x = images;
    for (const i of widths.keys()) {
      x = leakyRelu(conv2d(x, of(`convolution${i}.weight`), of(`convolution${i}.bias`), 1), slope);
      if (i < widths.length - 1) x = avgPool2d(x);
    }
    return linear(x.reshape([images.size(0), -1]), of("out.weight"), of("out.bias"));
  });
}

/** Between each image and its 2x2 means, with some noise. */
function spoiled(x: Tensor, random: RandomGenerator): Tensor {
  return scope(() => {
    const share = rand([x.size(0), 1, 1, 1], random);
    const blurred = x.add(upsampleNearest(avgPool2d(x)).sub(x).mul(share));
    return blurred.add(randn(x.shape, random).mul(0.05)).clamp(-1, 1);
  });
}
