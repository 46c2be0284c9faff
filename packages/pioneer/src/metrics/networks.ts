// Which networks the metrics need, and the ones the user gave.
import { ConfigError } from "../base/errors.ts";
import type { ChannelOrder, Range } from "../onnx/choices.ts";
import { loadMetrics, metricNames, type NamedMetric } from "./catalogue.ts";
import { OnnxNetwork } from "./onnx-network.ts";

export interface GivenNetworks {
  readonly features?: string | undefined;
  readonly featuresRange?: Range | undefined;
  readonly featuresChannels?: ChannelOrder | undefined;
  readonly featuresLayer?: string | undefined;
  readonly lpips?: string | undefined;
  readonly lpipsRange?: Range | undefined;
  readonly lpipsChannels?: ChannelOrder | undefined;
  readonly lpipsLayer?: string | undefined;
}

/** @throws ConfigError naming the first metric whose network was not given, and a network that no metric uses */
export async function checkNetworks(metrics: readonly NamedMetric[], given: GivenNetworks): Promise<void> {
  for (const { name, needs } of metrics) {
    if (needs.network && given[needs.network] === undefined) {
      throw new ConfigError(
        `${name} needs a network: give --${needs.network} FILE.onnx (docs/metrics.md says where to get one), or leave it out of --metrics`,
      );
    }
  }
  for (const network of ["features", "lpips"] as const) {
    if (given[network] !== undefined && !metrics.some(({ needs }) => needs.network === network)) {
      const users = (await loadMetrics(metricNames)).filter(({ needs }) => needs.network === network);
      throw new ConfigError(
        `--${network} is used by ${users.map(({ name }) => name).join(", ")}, and --metrics asks for none of them`,
      );
    }
  }
}

export interface OpenNetworks {
  readonly features?: OnnxNetwork | undefined;
  readonly lpips?: OnnxNetwork | undefined;
  readonly close: () => void;
}

/** @throws ConfigError, DataError: see `OnnxNetwork.open` */
export async function openNetworks(given: GivenNetworks, threads: number): Promise<OpenNetworks> {
  const features =
    given.features === undefined
      ? undefined
      : await OnnxNetwork.open(given.features, {
          flag: "--features",
          inputs: 1,
          range: given.featuresRange,
          channels: given.featuresChannels,
          layer: given.featuresLayer,
          threads,
        });
  try {
    const lpips =
      given.lpips === undefined
        ? undefined
        : await OnnxNetwork.open(given.lpips, {
            flag: "--lpips",
            inputs: 2,
            range: given.lpipsRange,
            channels: given.lpipsChannels,
            layer: given.lpipsLayer,
            threads,
          });
    const close = () => {
      features?.close();
      lpips?.close();
    };
    return { features, lpips, close };
  } catch (error) {
    features?.close();
    throw error;
  }
}
