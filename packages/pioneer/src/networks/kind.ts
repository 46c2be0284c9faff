/** How the networks are built, beside their size; kept in checkpoints. */
export interface NetworkKind {
  /** Of the generator's convolutions: equalised learning rate and PixelNorm after each, or spectral norm. */
  readonly generatorNorm: "pixel" | "spectral";
  /** Whether a LeakyReLU follows the encoder's last convolution. */
  readonly activatedCode: boolean;
  /** Whether the encoder has a linear head, latent -> 2, by which it judges images (output 0; 1 is an unused label). */
  readonly head: boolean;
}

/** Those of the published PIONEER. */
export const pioneerKind: NetworkKind = { generatorNorm: "pixel", activatedCode: true, head: false };
