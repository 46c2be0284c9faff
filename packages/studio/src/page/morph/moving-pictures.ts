// Files of several pictures. The libraries that write them are loaded when they are first needed.
import { type Colour, toRgba } from "pioneer-runtime";
import { planesOf } from "../image/planes.ts";

const framesPerSecond = 24;
/** Sides of GIFs, whose size grows with it, and of videos. */
const [gifSide, videoSide] = [256, 512];

const countOf = (images: Float32Array, side: number) => images.length / (3 * side * side);

type Context = OffscreenCanvasRenderingContext2D;

function canvasOf(width: number, height: number): Context {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gives no 2D canvas");
  context.imageSmoothingQuality = "high";
  return context;
}

/** Draws one of several images at its own size. */
function draw(context: Context, images: Float32Array, side: number, index: number, x = 0): void {
  context.putImageData(new ImageData(toRgba(planesOf(images, side, index), side), side, side), x, 0);
}

/** All pictures in a row, a PNG. @param images [count, 3, side, side] */
export function stripOf(images: Float32Array, side: number): Promise<Blob> {
  const count = countOf(images, side);
  const context = canvasOf(count * side, side);
  for (let i = 0; i < count; i++) draw(context, images, side, i, i * side);
  return context.canvas.convertToBlob({ type: "image/png" });
}

/** Pictures enlarged, one after the other on the same canvas. */
function* enlarged(images: Float32Array, side: number, size: number): Generator<Context> {
  const [small, large] = [canvasOf(side, side), canvasOf(size, size)];
  for (let i = 0; i < countOf(images, side); i++) {
    draw(small, images, side, i);
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
