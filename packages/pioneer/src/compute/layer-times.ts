// Times convolutions of the sizes a run has, in every way that may be chosen.
import {
  type ConvolutionForm,
  type ConvolutionLayer,
  conv2d,
  convolutionForms,
  type DType,
  dtypeCode,
  fused,
  getThreads,
  grad,
  mixedConvolution,
  noGrad,
  RandomGenerator,
  randn,
  scope,
  type Tensor,
  tapForms,
  upsampledWinogradConvolution,
  winogradConvolution,
  zeros,
} from "pioneer-torch";
import {
  type LayerTimes,
  layerName,
  type PassTimes,
  passNames,
  type RunPrecision,
  type Way,
} from "./convolution-choice.ts";

/** A layer as it is timed. */
export interface TimedShape {
  readonly layer: ConvolutionLayer;
  readonly images: number;
}

/** With fewer channels, in or out, what other forms do around their products costs more than they save, on every processor tried. */
const leastChannels = 64;
/** Pixels of a convolution's result: enough that what happens once a call, as preparing the kernel, weighs little. */
const mostPixels = 2048;
/** Multiply-adds times two of a pass: more channels make do with fewer pixels. */
const mostFlops = 3e9;
/** The rate of a larger picture is that of one of this size. */
const largestSide = 32;

/**
 * How a layer of a run is timed: some of its images, and a larger picture in the place of one of 32x32 pixels.
 * @param batch images that it has in a step where its block is the newest
 */
export function timedShape(layer: ConvolutionLayer, batch: number): TimedShape {
  const side = Math.min(layer.side, largestSide);
  const perImage = (layer.enlarging ? 4 : 1) * side ** 2;
  const pixels = Math.min(mostPixels, mostFlops / (18 * layer.into * layer.out));
  const images = Math.min(batch, Math.max(2, Math.floor(pixels / perImage)));
  return { layer: { ...layer, side }, images };
}

export const shapeName = ({ layer, images }: TimedShape): string => `${layerName(layer)} x ${images}`;

/** The times of a layer, from those of the shape it was timed as. */
export function timesOfLayer(layer: ConvolutionLayer, timed: TimedShape, times: LayerTimes): LayerTimes {
  const share = (layer.side / timed.layer.side) ** 2;
  const scaled = Object.entries(times).map(([way, passes]) => [way, mapPasses((pass) => passes[pass] * share)]);
  return Object.fromEntries(scaled);
}

/** The ways to compute a layer that are worth timing, where its form is to be chosen. */
export function waysOf({ into, out, side, enlarging }: ConvolutionLayer, precisions: readonly RunPrecision[]): Way[] {
  const isWide = Math.min(into, out) >= leastChannels;
  const isPossible: Record<ConvolutionForm, boolean> = {
    direct: true,
    winograd: isWide && (enlarging || side % 2 === 0),
    taps: isWide && !enlarging && side % 2 === 0,
  };
  return precisions.flatMap((precision) =>
    convolutionForms.filter((form) => isPossible[form]).map((form): Way => `${precision} ${form}`),
  );
}

/** What takes so many times longer than the fastest way is not looked at closer. */
const hopeless = 4;
/** Building kernels takes less: a first look that took longer is one at the convolution. */
const buildSeconds = 0.1;
/** Turns that differ by no more than this factor were not disturbed. */
const agreement = 1.2;
const leastRounds = 2;
const mostRounds = 8;

export interface TimedLayer {
  /** Seconds per image. */
  readonly times: LayerTimes;
  /** Whether the two quickest turns of each way agree: other work on the machine can make any of them wait. */
  readonly settled: boolean;
}

interface Runner {
  readonly way: Way;
  readonly passes: Passes;
  /** Forwards, at a first look. */
  readonly look: number;
  readonly turns: PassTimes[];
}

/**
 * Times a layer in these ways, turn by turn, so that whatever else the machine does meets all of them; the shortest times count.
 * First looks at each, forwards, build kernels; a way that is hopeless then is said to take as long backwards. Beside taps the
 * direct way is timed in any case.
 * @param budgetSeconds after which no further turn begins; two turns always count
 */
export function timeLayer({ layer, images }: TimedShape, wanted: readonly Way[], budgetSeconds: number): TimedLayer {
  const ways = new Set([...wanted, ...wanted.filter(isTaps).map(directBeside)]);
  const until = performance.now() + 1000 * budgetSeconds;
  return scope(() => {
    const random = new RandomGenerator(0);
    const runners = [...ways].map((way): Runner => {
      const passes = passesOf(layer, images, way, random);
      const first = passes.forward();
      const look = first < buildSeconds ? Math.min(passes.forward(), passes.forward()) : first;
      return { way, passes, look, turns: [] };
    });
    const fastest = Math.min(...runners.map(({ look }) => look));
    const running = runners.filter(({ look }) => look < hopeless * fastest);
    for (let round = 0; round < mostRounds; round++) {
      if (round >= leastRounds && (performance.now() > until || running.every(isSettled))) break;
      for (const { passes, turns } of running) turns.push(passes.all());
    }
    const times = new Map(runners.map((runner) => [runner.way, perImage(shortest(runner), images)]));
    for (const [way, { toWeights }] of times) {
      if (isTaps(way)) times.set(way, { ...(times.get(directBeside(way)) as PassTimes), toWeights });
    }
    return { times: Object.fromEntries(times), settled: running.every(isSettled) };
  });
}

/** Of the passes of taps one is its own. */
const isTaps = (way: Way) => way.endsWith(" taps");
const directBeside = (way: Way) => way.replace("taps", "direct") as Way;

const total = ({ forward, toData, toWeights }: PassTimes) => forward + toData + toWeights;

function isSettled({ turns }: Runner): boolean {
  const [first = 0, second = Number.POSITIVE_INFINITY] = turns.map(total).sort((a, b) => a - b);
  return second <= agreement * first;
}

const shortest = ({ look, turns }: Runner): PassTimes =>
  mapPasses((pass) => (turns.length === 0 ? look : Math.min(...turns.map((turn) => turn[pass]))));

const perImage = (times: PassTimes, images: number): PassTimes => mapPasses((pass) => times[pass] / images);

const mapPasses = (time: (pass: keyof PassTimes) => number) =>
  Object.fromEntries(passNames.map((pass) => [pass, time(pass)])) as unknown as PassTimes;

/** Does passes once each. @returns seconds of each */
interface Passes {
  readonly forward: () => number;
  readonly all: () => PassTimes;
}

/** The tensors live as long as the caller's scope. */
function passesOf(layer: ConvolutionLayer, images: number, way: Way, random: RandomGenerator): Passes {
  const [precision, form] = way.split(" ") as [RunPrecision, ConvolutionForm];
  const dtype = precision === "bf16" ? "bfloat16" : "float32";
  const { convolve, weight, channels } = convolutionOf(layer, form, dtype, random);
  const x = randn([images, layer.into, layer.side, layer.side], random)
    .to(dtype)
    .contiguous("channelsLast")
    .requiresGrad_();
  const bias = zeros([channels]);
  const activate = (y: Tensor) => fused.biasLeakyRelu(y, bias, 0.2);
  const forward = () => scope(() => secondsOf(() => noGrad(() => activate(convolve(x)))));
  const all = () =>
    scope(() => {
      const y = convolve(x);
      const dy = y.detach();
      // The activation's way back is as long as its way there, which here has a graph to build.
      const activation = secondsOf(() => activate(dy));
      const toData = () => secondsOf(() => grad(y, [x], { gradOutputs: [dy], retainGraph: true })) + activation;
      const toWeights = () => secondsOf(() => grad(y, [weight], { gradOutputs: [dy], retainGraph: true }));
      if (isTaps(way)) return { forward: 0, toData: 0, toWeights: toWeights() };
      return { forward: forward(), toData: toData(), toWeights: toWeights() };
    });
  return { forward, all };
}

/** The operator of a form, as the networks call it. */
function convolutionOf(
  { into, out, enlarging }: ConvolutionLayer,
  form: ConvolutionForm,
  dtype: DType,
  random: RandomGenerator,
) {
  const parameter = randn([out, into, 3, 3], random).contiguous("channelsLast");
  if (enlarging && form === "direct") {
    const weight = fused.upsampledKernel(parameter, 1, dtypeCode(dtype)).requiresGrad_();
    return { convolve: (x: Tensor) => fused.upsampledConvolution(x, weight), weight, channels: 4 * out };
  }
  const weight = parameter.to(dtype).contiguous("channelsLast").requiresGrad_();
  const convolve: Record<ConvolutionForm, (x: Tensor) => Tensor> = {
    direct: (x) => conv2d(x, weight, null, 1),
    winograd: (x) => (enlarging ? upsampledWinogradConvolution : winogradConvolution)(x, weight),
    taps: (x) => mixedConvolution(x, weight, tapForms),
  };
  return { convolve: convolve[form], weight, channels: out };
}

/**
 * On one thread the processor's time is taken, which leaves out what other processes take meanwhile. Of several threads it would be
 * that of waiting for each other too.
 */
function secondsOf(work: () => unknown): number {
  const seconds = getThreads() === 1 ? processorSeconds : () => performance.now() / 1000;
  const start = seconds();
  work();
  return Math.max(1e-9, seconds() - start);
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
