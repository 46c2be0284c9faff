import type { Colour } from "pioneer-runtime";
import { scope, type Tensor } from "pioneer-torch";

/**
 * Generated images as they are shown: of a grey model the mean of its three channels, three times. The networks have three
 * channels whatever they learn; what these differ by in a grey model is noise.
 * @param x [batch, 3, r, r]
 */
export const inColour = (x: Tensor, colour: Colour): Tensor =>
  colour === "grey" ? scope(() => x.mean([1], true).expand(x.shape)) : x;
