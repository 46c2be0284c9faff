import { z } from "zod";

/** How the networks are built, beside their size; kept in checkpoints. */
export const networkKind = z.object({
  /** Of the generator's convolutions: equalised learning rate and PixelNorm after each, or spectral norm. */
  generatorNorm: z.enum(["pixel", "spectral"]),
  /** Whether a LeakyReLU follows the encoder's last convolution. */
  activatedCode: z.boolean(),
  /** Whether the encoder has a linear head, latent -> 2, by which it judges images (output 0; 1 is an unused label). */
  head: z.boolean(),
  /**
   * Blocks of r x r pixels are channelBase / r wide, at most as wide as the widest; without it 32 times the widest, as
   * the published ones. StyleGAN2's rule.
   */
  channelBase: z.int().min(4).optional(),
});

export type NetworkKind = Readonly<z.infer<typeof networkKind>>;

/** Those of the published PIONEER. */
export const pioneerKind: NetworkKind = { generatorNorm: "pixel", activatedCode: true, head: false };

/** For texts, after the width of the widest blocks. */
export const profileOf = (channelBase?: number): string =>
  channelBase === undefined ? "" : ` (profile ${channelBase})`;
