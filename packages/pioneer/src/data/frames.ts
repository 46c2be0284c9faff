/** Images at one phase and alpha. */
export interface Frames {
  /** How many images. */
  readonly count: number;
  readonly nameOf: (index: number) => string;
  /** Indices by split. */
  readonly splits: Readonly<Record<string, Uint32Array>>;
  /** For some indices, ascending; what is awaited is [r, r, 3], 0..255. */
  frames(indices: Uint32Array): AsyncIterable<{ index: number; pixels: Promise<Uint8Array> }>;
  close(): Promise<void>;
}
