import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tensor, writeSafetensors } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { checkLatentsPlace, readLatents, writeLatents } from "../../src/images/latents-file.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
/** Two rows of length 1. */
const latents = Float32Array.of(1, 0, 0, 0, Math.fround(0.6), Math.fround(-0.8));
const saved = { latents, names: ["photos/a.jpg", "b\u0000.jpg"], model: { name: "faces", kimg: 12.5 } };

/** A file as numpy.save writes it. */
function npy(name: string, dictionary: string, data: NodeJS.TypedArray): string {
  const header = `${dictionary.padEnd(117)}\n`;
  const start = Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([header.length, 0])]);
  writeFileSync(at(name), Buffer.concat([start, Buffer.from(header), Buffer.from(data.buffer)]));
  return at(name);
}
const dictionary = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

test("latents come back bit by bit from both kinds of files, from .safetensors with their names and model", async () => {
  await writeLatents(at("a.npy"), saved);
  await writeLatents(at("new/a.safetensors"), saved);
  expect(await readLatents(at("a.npy"), 3)).toEqual({
    latents,
    names: [at("a.npy"), at("a.npy")],
    model: undefined,
    moved: 0,
  });
  expect(await readLatents(at("new/a.safetensors"), 3)).toEqual({ ...saved, moved: 0 });
  expect(readdirSync(at("new"))).toEqual(["a.safetensors"]);
});

test(".npy files are those of NumPy", async () => {
  await writeLatents(at("ours.npy"), saved);
  const theirs = npy("theirs.npy", dictionary("<f4", "(2, 3)"), latents);
  expect(readFileSync(at("ours.npy")).equals(readFileSync(theirs))).toBe(true);
  const doubled = npy(
    "double.npy",
    dictionary("<f8", "(2, 3)"),
    Float64Array.from(latents, (value) => 2 * value),
  );
  // Rows of length 2 are brought to the sphere; halving is exact.
  expect(await readLatents(doubled, 3)).toMatchObject({ latents, moved: 2 });
  expect(await readLatents(npy("one.npy", dictionary("<f4", "(3,)"), latents.slice(3)), 3)).toMatchObject({
    latents: latents.slice(3),
    moved: 0,
  });
});

describe("files that are no latents of a model are refused in one line", () => {
  test.each([
    [
      dictionary("<f4", "(2, 3)"),
      latents,
      4,
      "holds latents of 3 numbers, the model's have 4: they are of another model",
    ],
    [
      dictionary("<i8", "(2, 3)"),
      latents,
      3,
      `holds values of NumPy's type <i8, not float32: save it with .astype("float32")`,
    ],
    [
      dictionary("<f4", "(1, 2, 3)"),
      latents,
      3,
      "holds an array of shape (1, 2, 3), not rows of numbers: save it with .reshape(-1, N)",
    ],
    [
      dictionary("<f4", "(2, 3)", "True"),
      latents,
      3,
      "is in Fortran's order, column by column: save it with numpy.ascontiguousarray",
    ],
    [
      dictionary("<f4", "(3, 3)"),
      latents,
      3,
      "should have 164 bytes and has 152: it is cut short or damaged; copy it again",
    ],
    [dictionary("<f4", "(0, 3)"), new Float32Array(0), 3, "holds no latent: give another file"],
    ["[]", latents, 3, "has a header that is no array of numbers: save it with numpy.save"],
  ])("%s", async (header, data, latent, line) => {
    const file = npy("wrong.npy", header, data);
    await expect(readLatents(file, latent)).rejects.toThrow(`${file} ${line}`);
  });

  test("rows without a direction, and files of other kinds", async () => {
    const zero = npy("zero.npy", dictionary("<f4", "(2, 3)"), Float32Array.of(1, 0, 0, 0, 0, 0));
    await expect(readLatents(zero, 3)).rejects.toThrow(
      `${zero}: latent 2 of 2 has length 0, and no direction: leave it out`,
    );
    writeFileSync(at("text.npy"), "no array");
    await expect(readLatents(at("text.npy"), 3)).rejects.toThrow("is no .npy file: save it with numpy.save");
    writeFileSync(at("text.safetensors"), "no tensors");
    await expect(readLatents(at("text.safetensors"), 3)).rejects.toThrow("is not a whole safetensors file");
    writeSafetensors(at("two.safetensors"), new Map(["a", "b"].map((name) => [name, tensor([1, 0, 0], [1, 3])])));
    await expect(readLatents(at("two.safetensors"), 3)).rejects.toThrow("has no tensor called latents, only a, b");
    writeSafetensors(at("whole.safetensors"), new Map([["z", tensor(Uint8Array.of(1, 0, 0), [1, 3])]]));
    await expect(readLatents(at("whole.safetensors"), 3)).rejects.toThrow("holds uint8 values of shape [1, 3]");
    await expect(readLatents(at("codes.txt"), 3)).rejects.toThrow(
      "codes.txt: latents are kept in .npy or .safetensors files",
    );
  });
});

test("only latents give way to latents, and only where that is asked for", async () => {
  await writeLatents(at("there.npy"), saved);
  await expect(checkLatentsPlace(at("there.npy"), false)).rejects.toThrow(
    "there.npy exists; choose another name, or replace it with --force",
  );
  await checkLatentsPlace(at("there.npy"), true);
  writeFileSync(at("mine.npy"), "mine");
  await expect(checkLatentsPlace(at("mine.npy"), true)).rejects.toThrow(
    "mine.npy is another file, not latents, and --force replaces latents only",
  );
  await checkLatentsPlace(at("free.npy"), false);
  expect(existsSync(at("free.npy"))).toBe(false);
});
