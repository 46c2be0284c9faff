import type { Colour } from "pioneer-runtime";

/** What all frames of a file have in common. */
export interface FrameShape {
  /** Width and height of a frame as it comes, in pixels. */
  readonly side: number;
  readonly scale: number;
  readonly fps: number;
  readonly colour: Colour;
}

/** A file that frames go into. It appears, whole, when it is finished. */
export interface FrameSink {
  readonly path: string;
  /** @param pixels [side, side, 3], 8-bit RGB */
  write(pixels: Uint8Array): Promise<void>;
  /** @throws DataError if the file could not be written */
  finish(): Promise<void>;
  /** Gives up; nothing stays behind. Harmless after finish(). */
  discard(): Promise<void>;
}
