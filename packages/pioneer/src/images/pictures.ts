/** How pictures of a model look. */
export interface PictureOptions {
  /** Whole factor by which they are enlarged; by default grids so that a face has 64 pixels, other files not at all. */
  readonly scale?: number | undefined;
  /** A line under grids. */
  readonly caption?: string | undefined;
}
