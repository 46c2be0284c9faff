/** Colour as R, G, B in 0..1, sRGB. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A colour under construction: what a painter leaves there goes onto the canvas with its coverage. */
export class Paint {
  /** Where it goes. A field, not an argument: V8 would allocate memory for every fraction that is passed. */
  x = 0.5;
  y = 0.5;
  red = 0;
  green = 0;
  blue = 0;
  /** 0 leaves the canvas as it is, 1 hides it. */
  coverage = 0;

  set(colour: Rgb, shade = 1): void {
    this.red = colour[0] * shade;
    this.green = colour[1] * shade;
    this.blue = colour[2] * shade;
  }

  /** Lays a colour over this one, `amount` 0..1. */
  over(colour: Rgb, amount: number): void {
    this.red += (colour[0] - this.red) * amount;
    this.green += (colour[1] - this.green) * amount;
    this.blue += (colour[2] - this.blue) * amount;
  }

  /** Darkens by `amount` 0..1, shadows of skin and hair turning warmer as they do. */
  darken(amount: number): void {
    this.red *= 1 - 0.85 * amount;
    this.green *= 1 - amount;
    this.blue *= 1 - amount;
  }

  lighten(amount: number): void {
    this.red += (1 - this.red) * amount;
    this.green += (1 - this.green) * amount;
    this.blue += (1 - this.blue) * amount;
  }
}

/** A part of the canvas, in its coordinates. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The part of the plane that is seen: from here, this wide and high. */
const view = { left: -0.88, top: -0.84, side: 1.76 };
/** All that is seen, and more. */
export const everywhere: Box = { left: -1, top: -1, right: 1, bottom: 1 };

/**
 * A square image of any resolution whose coordinates don't know of it: x to the right and y down, (0, 0) about the
 * middle, `view` cut from the square of -1 to 1. Edges are smoothed over one pixel by the distance to them.
 */
export class Canvas {
  readonly side: number;
  /** Width of a pixel. */
  readonly pixel: number;
  /** [side, side, 3], sRGB 0..1. */
  readonly #pixels: Float32Array;
  readonly #paint = new Paint();

  constructor(side: number) {
    this.side = side;
    this.pixel = view.side / side;
    this.#pixels = new Float32Array(side * side * 3);
  }

  /** Calls `painter` for the middle of each pixel in the box: paint.x, paint.y; it sets the paint and its coverage. */
  draw(box: Box, painter: (paint: Paint) => void): void {
    const { side, pixel } = this;
    const pixels = this.#pixels;
    const paint = this.#paint;
    const first = (edge: number, from: number) => Math.max(0, Math.floor((edge - from) / pixel - 0.5));
    const last = (edge: number, from: number) => Math.min(side - 1, Math.ceil((edge - from) / pixel - 0.5));
    const left = first(box.left, view.left);
    const right = last(box.right, view.left);
    const bottom = last(box.bottom, view.top);
    for (let row = first(box.top, view.top); row <= bottom; row++) {
      paint.y = (row + 0.5) * pixel + view.top;
      for (let column = left; column <= right; column++) {
        paint.coverage = 0;
        paint.x = (column + 0.5) * pixel + view.left;
        painter(paint);
        const { coverage } = paint;
        if (coverage <= 0) continue;
        const at = 3 * (row * side + column);
        const under = 1 - coverage;
        pixels[at] = paint.red * coverage + (pixels[at] as number) * under;
        pixels[at + 1] = paint.green * coverage + (pixels[at + 1] as number) * under;
        pixels[at + 2] = paint.blue * coverage + (pixels[at + 2] as number) * under;
      }
    }
  }

  /** Share of a pixel inside an edge, from the distance of its middle to it (negative inside). */
  inside(distance: number): number {
    const share = 0.5 - distance / this.pixel;
    return share <= 0 ? 0 : Math.min(share, 1);
  }

  /** @returns uint8 [resolution, resolution, 3]: means of squares of pixels where the canvas is larger */
  toPixels(resolution: number): Uint8Array {
    const { side } = this;
    const scale = side / resolution;
    const sums = scale === 1 ? this.#pixels : new Float32Array(resolution * resolution * 3);
    if (scale > 1) {
      for (let i = 0, from = 0; i < side * side; i++, from += 3) {
        const row = Math.floor(i / side / scale);
        const to = 3 * (row * resolution + Math.floor((i % side) / scale));
        for (let channel = 0; channel < 3; channel++)
          sums[to + channel] = (sums[to + channel] as number) + (this.#pixels[from + channel] as number);
      }
    }
    const gain = 255 / scale ** 2;
    const image = new Uint8ClampedArray(sums.length); // rounds and clamps
    for (let i = 0; i < image.length; i++) image[i] = (sums[i] as number) * gain;
    return new Uint8Array(image.buffer);
  }
}

/** a at t = 0, b at t = 1. */
export function lerp(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** 0 below `from`, 1 above `to`, smooth between; downwards if `from` is the larger. */
export function smoothStep(from: number, to: number, value: number): number {
  const t = (value - from) / (to - from);
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/** exp(-x² - y²): a soft spot, 0 beyond its reach. */
export function spot(x: number, y: number): number {
  const square = x * x + y * y;
  return square > 6 ? 0 : Math.exp(-square);
}

/** √(x² + y²), many times faster than Math.hypot. */
export function hypotenuse(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** A colour on a path of colours, `t` 0..1. */
export function along(path: readonly Rgb[], t: number): Rgb {
  const at = Math.min(Math.max(t, 0), 1) * (path.length - 1);
  const index = Math.min(Math.floor(at), path.length - 2);
  return mixColours(path[index] as Rgb, path[index + 1] as Rgb, at - index);
}

export function mixColours(a: Rgb, b: Rgb, t: number): Rgb {
  return [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)];
}

/** @param hue 0..1 @param saturation 0..1 @param value 0..1, the brightest channel */
export function fromHsv(hue: number, saturation: number, value: number): Rgb {
  const channel = (shift: number) => {
    const k = (shift + hue * 6) % 6;
    return value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}
