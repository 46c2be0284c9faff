// What an edit does not touch stays the photo (Brock et al., Neural Photo Editor, ICLR 2017):
// reconstruction + M Δ + (1 - M) (photo - reconstruction), with Δ = edited - reconstruction and M the blurred size of Δ.

/** A change this large, in [-1, 1], replaces the photo entirely. */
export const fullChange = 0.35;
/** Standard deviation of the blur, as a share of the image's side: 1.6 pixels of 64. */
const blurShare = 0.025;

/**
 * Where an edit changed something.
 * @param edited         [3, side, side] in [-1, 1]
 * @param reconstruction the image before the edit
 * @returns M, [side, side], from 0 (nothing changed) to 1
 */
export function changeMask(edited: Float32Array, reconstruction: Float32Array, side: number): Float32Array {
  const area = side * side;
  const size = Float32Array.from({ length: area }, (_, i) => {
    let sum = 0;
    for (let at = i; at < 3 * area; at += area) {
      sum += Math.abs((edited[at] as number) - (reconstruction[at] as number));
    }
    return Math.min(1, sum / 3 / fullChange);
  });
  return blur(size, side, blurShare * side);
}

/**
 * How much of the edited image each pixel takes; the rest is the photo's.
 * @param detail 0 takes the edited image alone, 1 keeps all of the photo that the mask leaves
 */
export function editedShare(mask: Float32Array, detail: number): Float32Array {
  return mask.map((changed) => 1 - detail * (1 - changed));
}

/**
 * The photo with an edit. At full detail it is the formula above, whose terms are share * edited + (1 - share) * photo.
 * @param photo  [3, side, side] in [-1, 1], as is `edited`
 * @param share  of the edited image, [side, side], from `editedShare`
 */
export function blend(photo: Float32Array, edited: Float32Array, share: Float32Array): Float32Array {
  return edited.map((value, at) => {
    const weight = share[at % share.length] as number;
    return weight * value + (1 - weight) * (photo[at] as number);
  });
}

/** Gaussian blur along rows and columns; beyond the edges the outermost values are repeated. */
function blur(values: Float32Array, side: number, sigma: number): Float32Array {
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)));
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const pass = (from: Float32Array, step: number, across: number) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < side; line++) {
      for (let i = 0; i < side; i++) {
        let sum = 0;
        for (const [k, weight] of kernel.entries()) {
          const at = Math.max(0, Math.min(side - 1, i + k - reach));
          sum += weight * (from[line * across + at * step] as number);
        }
        to[line * across + i * step] = sum / total;
      }
    }
    return to;
  };
  return pass(pass(values, 1, side), side, 1);
}
