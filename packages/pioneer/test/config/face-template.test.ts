// What --align and --template take, and what does not go with them.
import { crops } from "pioneer-runtime/internal";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { checkAlignOptions, parseTemplate } from "../../src/config/face-template.ts";

const align = "points.csv";
const refuse = (options: Parameters<typeof checkAlignOptions>[0], source: string, message: string) => {
  expect(() => checkAlignOptions(options, source)).toThrow(new ConfigError(message));
};

test.each([
  "0.3,0.4,0.7,0.4,0.5,1.01",
  "-0.1,0.4,0.7,0.4,0.5,0.8",
  "0.3,0.4,0.7,0.4,0.5",
  "0.3,0.4,0.7,0.4,0.5,0.8,0.9",
  "0.3,0.4,0.7,0.4,0.5,0.42",
  "0.7,0.4,0.3,0.4,0.5,0.8",
  "0.5,0.4,0.5,0.4,0.5,0.8",
  "0.3,0.4,0.7,0.4,0.5,",
  "0,0,1,1",
  "ffhq",
])("a template that leaves the picture or is no face: %s", (template) => {
  const message = `--template: expected median, or x,y of the left eye, the right eye and the mouth in shares of the side, from 0 to 1, such as 0.32,0.387,0.68,0.387,0.5,0.781; got "${template}"`;
  refuse({ align, template }, "photos", message);
});

test("a template to the edges of the picture", () => {
  expect(parseTemplate("0,0, 1,0, 0.5,1")).toEqual({ eyeLeft: [0, 0], eyeRight: [1, 0], mouth: [0.5, 1] });
});

test("--template without --align", () => {
  const message = "--template median says where --align puts faces: give --align faces or --align POINTS.csv too";
  refuse({ template: "median" }, "photos", message);
});

test("any crop but that of aligned photos", () => {
  for (const crop of crops.filter((name) => name !== "center")) {
    const message = `--crop ${crop} does not go with --align, which places the square by the face: leave it out`;
    refuse({ align, crop }, "photos", message);
  }
  expect(() => checkAlignOptions({ align, crop: "center" }, "photos")).not.toThrow();
});

test("drawn faces", () => {
  const message = "--align does not go with procedural:faces: its faces are drawn where they belong; leave it out";
  refuse({ align }, "procedural:faces", message);
});
