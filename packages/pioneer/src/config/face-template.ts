// --align and --template: where eyes and mouth of a photo lie, and where they are to lie in the square made of it.
import { type FaceTemplate, faceProblem } from "pioneer-runtime";
import { faceTemplate } from "pioneer-runtime/internal";
import { ConfigError } from "../base/errors.ts";
import { option, text } from "./option-schema.ts";
import { isDrawn } from "./procedural.ts";

/**
 * Medians of 12,158 photos of faces, cut as a face detector frames them (docs/faces128.md), and of their mirror images:
 * training mirrors half of them, and all eyes are to lie in the same places.
 */
export const defaultTemplate: FaceTemplate = {
  eyeLeft: [0.32, 0.387],
  eyeRight: [0.68, 0.387],
  mouth: [0.5, 0.781],
};

/** Takes the medians of the data's own middle squares. */
export const medianTemplate = "median";

/** `--align`: the faces are found; any other word is the path of a CSV. */
export const searchFaces = "faces";

/** Of `dataset prepare` and `train`. */
export const alignOptions = {
  align: option(text(`${searchFaces}, or a CSV file`).optional(), {
    value: "HOW",
    group: "Alignment",
    description:
      `turn, scale and move each photo so that its eyes and mouth lie on the template; ${searchFaces} finds them, a CSV tells them: ` +
      "columns file, eye_left_x, eye_left_y, eye_right_x, eye_right_y, mouth_x, mouth_y, in pixels, left as seen in the picture",
    note: "photos without a face or a row are left out; of several faces the largest is taken",
  }),
  template: option(text("places of eyes and mouth").optional(), {
    value: "PLACES",
    group: "Alignment",
    description: `where they are to lie, in shares of the side: left eye x,y, right eye x,y, mouth x,y, or ${medianTemplate}: as in the middle squares of the photos`,
    default: templateText(defaultTemplate),
  }),
};

/** "0.32,0.387,0.68,0.387,0.5,0.781": the same text is the same template. */
export function templateText({ eyeLeft, eyeRight, mouth }: FaceTemplate): string {
  return sharesText([...eyeLeft, ...eyeRight, ...mouth]);
}

/** "0.32,0.387" */
export function sharesText(shares: readonly number[]): string {
  return shares.map(rounded).join(",");
}

/** To a ten-thousandth of the side, a tenth of a pixel at 1024: what is computed with is what is told and typed. */
function rounded(share: number): number {
  return Number(share.toFixed(4));
}

/**
 * @param given `--template`
 * @returns a template rounded as `templateText` tells it
 * @throws ConfigError for what is no face inside the square
 */
export function parseTemplate(given: string = templateText(defaultTemplate)): FaceTemplate | typeof medianTemplate {
  if (given === medianTemplate) return medianTemplate;
  const shares = given.split(",").map((share) => (share.trim() === "" ? Number.NaN : Number(share)));
  const found = templateOf(shares);
  if (found !== undefined) return found;
  throw new ConfigError(
    `--template: expected ${medianTemplate}, or x,y of the left eye, the right eye and the mouth in shares of the side, from 0 to 1, such as ${templateText(defaultTemplate)}; got "${given}"`,
  );
}

/** @returns rounded as `templateText` tells it; undefined for what is no face inside the square */
export function templateOf(shares: readonly number[]): FaceTemplate | undefined {
  const [a, b, c, d, e, f] = shares.map(rounded);
  const { data, success } = faceTemplate.safeParse({ eyeLeft: [a, b], eyeRight: [c, d], mouth: [e, f] });
  return success && shares.length === 6 && faceProblem(data) === undefined ? data : undefined;
}

/**
 * Refuses what does not go with --align.
 * @throws ConfigError
 */
export function checkAlignOptions({ align, template, crop }: AlignedOptions, source: string): void {
  if (template !== undefined) parseTemplate(template);
  if (align === undefined) {
    if (template === undefined) return;
    throw new ConfigError(
      `--template ${template} says where --align puts faces: give --align ${searchFaces} or --align POINTS.csv too`,
    );
  }
  if (crop !== undefined && crop !== "center") {
    throw new ConfigError(`--crop ${crop} does not go with --align, which places the square by the face: leave it out`);
  }
  if (isDrawn(source)) {
    throw new ConfigError(`--align does not go with ${source}: its faces are drawn where they belong; leave it out`);
  }
}

interface AlignedOptions {
  readonly align?: string | undefined;
  readonly template?: string | undefined;
  readonly crop?: string | undefined;
}
