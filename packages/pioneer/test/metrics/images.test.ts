import { noGrad, scope, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { multiScaleSsim } from "../../src/metrics/msssim.ts";
import { pixelErrors } from "../../src/metrics/pixel-errors.ts";
import { detail } from "../../src/metrics/sharpness.ts";
import { ssim } from "../../src/metrics/ssim.ts";
import { expectClose, numbers, pictures, reference } from "./support.ts";

// Both sides compute in float64; sums of 10⁵ terms in other orders differ by about 1e-12.
const float64 = 1e-10;

describe("errors of pixels", () => {
  test("L1 and RMSE in units of [-1, 1], PSNR in dB, as numpy and scikit-image have them", () => {
    const sums = pixelErrors(pictures(4, 64), pictures(4, 64, "damaged"));
    expectClose(
      [sums.absolute / 4, Math.sqrt(sums.squared / 4), sums.psnr / 4],
      [reference.l1, reference.rmse, reference.psnr.reduce((sum, value) => sum + value) / 4],
      float64,
    );
  });

  test("equal images: no error, and the PSNR of mere rounding", () => {
    const { absolute, squared, psnr } = pixelErrors(pictures(2, 16), pictures(2, 16));
    expect([absolute, squared]).toEqual([0, 0]);
    expect(psnr / 2).toBeCloseTo(10 * Math.log10(255 ** 2 * 12), 9);
  });

  test("black against white: the largest error", () => {
    const [black, white] = [
      tensor(new Uint8Array(48), [1, 3, 4, 4]),
      tensor(new Uint8Array(48).fill(255), [1, 3, 4, 4]),
    ];
    expect(pixelErrors(black, white)).toEqual({ absolute: 2, squared: 4, psnr: 0 });
  });
});

test("the detail that sharpness counts: a ramp has none, a lone pixel its own and that of its four neighbours", () => {
  const ramp = Float32Array.from({ length: 75 }, (_, i) => 3 * (i % 5) + 2 * Math.floor((i % 25) / 5));
  expect(detail(tensor(ramp, [1, 3, 5, 5]))).toBe(0);
  const dot = new Uint8Array(25);
  dot[12] = 10;
  expect(detail(tensor(dot, [1, 1, 5, 5]))).toBe(4 * 10 + 4 * 10);
});

describe("SSIM", () => {
  test("is scikit-image's", () => {
    expectClose(numbers(ssim(pictures(4, 64), pictures(4, 64, "damaged"))), reference.ssim, float64);
  });

  test("of an image with itself is 1; smaller images than its window are refused", () => {
    expectClose(numbers(ssim(pictures(2, 16), pictures(2, 16))), [1, 1], 1e-14);
    expect(() => ssim(pictures(1, 8), pictures(1, 8))).toThrow("ssim: expected images of at least 11x11, got 8");
  });
});

describe("MS-SSIM", () => {
  test.each([16, 32, 64, 192] as const)("at %i pixels is that of a numpy implementation", (size) => {
    const got = numbers(multiScaleSsim(pictures(3, size), pictures(3, size, "damaged")));
    expectClose(got, reference[`msssim_${size}`], float64);
  });

  test("on grey images of 192 pixels is piq's", () => {
    const grey = (kind?: "damaged") => pictures(3, 192, kind).narrow(1, 0, 1).expand([3, 3, 192, 192]);
    const got = noGrad(() => scope(() => numbers(multiScaleSsim(grey(), grey("damaged")))));
    expectClose(got, reference.msssim_grey_192_piq, 1e-6); // piq pads odd scales, of which 192 has none
  });

  test("of an image with itself is 1, of a picture and its negative 0", () => {
    expectClose(numbers(multiScaleSsim(pictures(2, 32), pictures(2, 32))), [1, 1], 1e-14);
    const x = pictures(2, 32).to("float64");
    expect(numbers(multiScaleSsim(x, x.mul(-1).add(255)))).toEqual([0, 0]);
  });
});
