// Files of several pictures. The libraries that write them are loaded when they are first needed.
import type { Colour } from "pioneer-runtime";
import { contextOf, drawPlanes, pngOf } from "../image/canvas.ts";
import { planesOf } from "../image/planes.ts";

const framesPerSecond = 24;
/** Sides of GIFs, whose size grows with it, and of videos. */
const [gifSide, videoSide] = [256, 512];

const countOf = (images: Float32Array, side: number) => images.length / (3 * side * side);

/** All pictures in a row, a PNG. @param images [count, 3, side, side] */
export function stripOf(images: Float32Array, side: number): Promise<Blob> {
  const count = countOf(images, side);
  const context = contextOf(count * side, side);
  for (let i = 0; i < count; i++) drawPlanes(context, planesOf(images, side, i), side, i * side);
  return pngOf(context);
}

/** Pictures enlarged, one after the other on the same canvas. */
function* enlarged(images: Float32Array, side: number, size: number): Generator<OffscreenCanvasRenderingContext2D> {
  const [small, large] = [contextOf(side, side), contextOf(size, size)];
  large.imageSmoothingQuality = "high";
  for (let i = 0; i < countOf(images, side); i++) {
    drawPlanes(small, planesOf(images, side, i), side);
    large.drawImage(small.canvas, 0, 0, size, size);
    yield large;
  }
}

/** A GIF that repeats for ever; each picture has its own 256 colours, or all have the 256 greys. */
export async function gifOf(images: Float32Array, side: number, colour: Colour): Promise<Blob> {
  const { GIFEncoder, applyPalette, quantize } = await import("gifenc");
  const greys = Array.from({ length: 256 }, (_, value) => [value, value, value] as [number, number, number]);
  const gif = GIFEncoder();
  for (const context of enlarged(images, side, gifSide)) {
    const rgba = new Uint8Array(context.getImageData(0, 0, gifSide, gifSide).data.buffer);
    const palette = colour === "grey" ? greys : quantize(rgba, 256);
    const index = colour === "grey" ? rgba.filter((_, i) => i % 4 === 0) : applyPalette(rgba, palette);
    gif.writeFrame(index, gifSide, gifSide, { palette, delay: 1000 / framesPerSecond });
  }
  gif.finish();
  return new Blob([gif.bytes().slice()], { type: "image/gif" });
}

/** An MP4 where the browser encodes H.264, else a WebM. */
export async function videoOf(images: Float32Array, side: number): Promise<Blob> {
  const media = await import("mediabunny");
  const size = { width: videoSide, height: videoSide };
  const h264 = await media.getFirstEncodableVideoCodec(["avc"], size);
  const codec = h264 ?? (await media.getFirstEncodableVideoCodec(["vp9", "av1", "vp8"], size));
  if (!codec) throw new Error("this browser encodes no video: save a GIF");
  const target = new media.BufferTarget();
  const format = h264 ? new media.Mp4OutputFormat() : new media.WebMOutputFormat();
  const output = new media.Output({ format, target });
  let source: InstanceType<typeof media.CanvasSource> | undefined;
  let index = 0;
  for (const { canvas } of enlarged(images, side, videoSide)) {
    if (!source) {
      source = new media.CanvasSource(canvas, { codec, bitrate: media.QUALITY_HIGH });
      output.addVideoTrack(source, { frameRate: framesPerSecond });
      await output.start();
    }
    await source.add(index / framesPerSecond, 1 / framesPerSecond);
    index++;
  }
  await output.finalize();
  return new Blob([target.buffer as ArrayBuffer], { type: h264 ? "video/mp4" : "video/webm" });
}
