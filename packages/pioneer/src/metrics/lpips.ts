import { scope } from "pioneer-torch";
import { type Metric, ofHeldOut } from "./metric.ts";
import type { OnnxNetwork } from "./onnx-network.ts";

/** Mean distance of held-out images and their reconstructions, as the network `lpips` sees it. */
export const metric: Metric = {
  needs: { network: "lpips", heldOut: true, images: 1 },
  async begin(evaluation) {
    const network = evaluation.networks.lpips as OnnxNetwork;
    let sum = 0;
    return {
      async seeHeldOut({ original, decoded }) {
        const distances = await network.compute(original, await decoded());
        sum += scope(() => distances.to("float64").sum().item());
        distances.dispose();
      },
      values: () => [ofHeldOut(evaluation, "lpips", sum / evaluation.counts.heldOut, "lower")],
    };
  },
};
