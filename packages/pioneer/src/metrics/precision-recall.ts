import { cat, scope, type Tensor } from "pioneer-torch";
import { anyOfRow, atMost, smallest } from "../compute/operators.ts";
import { featureRows } from "./feature-rows.ts";
import { type Metric, ofSamples } from "./metric.ts";

/** Neighbours that span the ball around each image, as in the paper. */
const neighbours = 3;
/** Rows whose distances to all others are in memory at once. */
const block = 1024;

/** Precision and recall of the features of samples and of real images. */
export const metric: Metric = {
  needs: { network: "features", samples: true, reals: true, images: 100 },
  async begin(evaluation) {
    const { reals, samples } = await evaluation.shared(featureRows);
    return {
      values() {
        const { precision, recall } = scope(() => precisionRecall(reals, samples));
        return [
          ofSamples(evaluation, "precision", precision, "higher"),
          ofSamples(evaluation, "recall", recall, "higher"),
        ];
      },
    };
  },
};

/**
 * Improved precision and recall. Around every image of a set lies a ball that reaches to its 3rd nearest neighbour in the
 * set; precision is the share of generated images inside a ball of a real one, recall the share of real images inside a
 * ball of a generated one. Distances are Euclidean, in float64.
 * @param real [n, d], generated [m, d]: features, n and m at least 4
 * @returns two shares in [0, 1]
 * @see Kynkäänniemi et al. 2019, arXiv:1904.06991
 */
export function precisionRecall(real: Tensor, generated: Tensor): { precision: number; recall: number } {
  return {
    precision: shareInside(generated, real, ballRadii(real)),
    recall: shareInside(real, generated, ballRadii(generated)),
  };
}

/** Squared distance of every row to its 3rd nearest other row. @returns [n] */
function ballRadii(points: Tensor): Tensor {
  return scope(() => {
    const radii = blocks(points).map((rows) =>
      // The nearest of all is the row itself.
      scope(() => smallest(squaredDistances(rows, points), neighbours + 1).select(1, neighbours)),
    );
    return cat(radii);
  });
}

/** The share of points that lie in at least one ball. */
function shareInside(points: Tensor, centres: Tensor, radii: Tensor): number {
  return scope(() => {
    const inside = blocks(points).map((rows) =>
      scope(() =>
        anyOfRow(atMost(squaredDistances(rows, centres), radii))
          .to("float64")
          .sum()
          .item(),
      ),
    );
    return inside.reduce((sum, count) => sum + count, 0) / points.size(0);
  });
}

/** Views of at most `block` rows each. */
function blocks(points: Tensor): Tensor[] {
  const n = points.size(0);
  return Array.from({ length: Math.ceil(n / block) }, (_, i) =>
    points.narrow(0, i * block, Math.min(block, n - i * block)),
  );
}

/** |a|² + |b|² - 2 a·b in float64, the points taken in blocks too. @returns [rows, points] */
function squaredDistances(rows: Tensor, points: Tensor): Tensor {
  return scope(() => {
    const a = rows.to("float64");
    const own = a.square().sum([1], true);
    const parts = blocks(points).map((part) =>
      scope(() => {
        const b = part.to("float64");
        return own
          .add(b.square().sum([1]))
          .sub(a.matmul(b.transpose(0, 1)).mul(2))
          .clamp(0, null);
      }),
    );
    return cat(parts, 1);
  });
}
