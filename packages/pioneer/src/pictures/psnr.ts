/** Pictures of 8 bits nearer than this cannot be told from their own rounding: 1/12 of a level squared. */
const roundingError = 1 / 12;

/**
 * Peak signal-to-noise ratio of pictures of 8 bits.
 * @param mse mean squared error in levels of 0 to 255, squared; it counts as at least 1/12
 * @returns dB, at most 58.9
 */
export const psnrOf = (mse: number): number => 10 * Math.log10(255 ** 2 / Math.max(mse, roundingError));
