import type { Tensor } from "pioneer-torch";
import type { Accumulator, Evaluation } from "./metric.ts";
import type { OnnxNetwork } from "./onnx-network.ts";
import { scratch } from "./scratch.ts";

/** The features of all samples and of all real images, [n, width] each, on disk: for metrics of single images. */
export interface FeatureRows extends Accumulator {
  readonly samples: Tensor;
  readonly reals: Tensor;
}

/** Takes the disk's room for them. @throws DataError if it has none */
export async function featureRows({ counts, networks, own }: Evaluation): Promise<FeatureRows> {
  const { width } = networks.features as OnnxNetwork;
  const samples = own(await scratch(counts.samples, width));
  const reals = own(await scratch(counts.reals, width));
  return { samples, reals, seeSamples: appending(samples), seeReals: appending(reals) };
}

/** Writes the features of each batch below those of the one before. */
function appending(rows: Tensor) {
  let filled = 0;
  return async ({ features }: { readonly features: () => Promise<Tensor> }) => {
    const more = await features();
    rows.narrow(0, filled, more.size(0)).copy_(more);
    filled += more.size(0);
  };
}
