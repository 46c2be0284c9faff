/** Of LeakyReLU, everywhere. */
export const slope = 0.2;

/** Of PixelNorm. */
export const epsilon = 1e-8;
