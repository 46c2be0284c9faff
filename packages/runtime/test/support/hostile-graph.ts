// ONNX files that nobody's exporter writes, made field by field (numbers: the ONNX project's onnx.proto).

/** A varint field where the value is a number, else one of bytes, text or a message. */
export function field(id: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === "number") return Buffer.from([...varint(8 * id), ...varint(value)]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([Buffer.from([...varint(8 * id + 2), ...varint(bytes.length)]), bytes]);
}

export const message = (...fields: readonly Uint8Array[]): Buffer => Buffer.concat(fields);

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const pair = (key: string, value: string) => message(field(1, key), field(2, value));

/** A tensor of bytes whose elements are those of a file. @param offset of the first */
export const tensorOf = (file: string, shape: readonly number[], offset = 0, name = "secret"): Buffer =>
  message(
    ...shape.map((length) => field(1, length)),
    field(2, 2),
    field(8, name),
    field(13, pair("location", file)),
    field(13, pair("offset", String(offset))),
    field(13, pair("length", String(shape.reduce((product, length) => product * length, 1)))),
    field(14, 1),
  );

const port = (name: string, type: number, ...shape: readonly (number | string)[]) => {
  const dims = shape.map((length) => field(1, field(typeof length === "number" ? 1 : 2, length)));
  return message(field(1, name), field(2, field(1, message(field(1, type), field(2, message(...dims))))));
};
const node = (type: string, inputs: readonly string[], outputs: readonly string[], ...attributes: Uint8Array[]) =>
  field(
    1,
    message(
      ...inputs.map((name) => field(1, name)),
      ...outputs.map((name) => field(2, name)),
      field(4, type),
      ...attributes,
    ),
  );
const set = field(8, message(field(1, ""), field(2, 17)));

/** A model of ONNX with one graph. */
export const modelOf = (...graph: readonly Uint8Array[]): Buffer =>
  message(field(1, 8), field(7, message(field(2, "g"), ...graph)), set);

/** A generator that ignores latents [n, latent] and gives a file's bytes as a picture [1, 3, r, r], 0 to 255. */
export const readingGenerator = (file: string, latent: number, resolution: number): Buffer =>
  modelOf(
    field(5, tensorOf(file, [1, 3, resolution, resolution])),
    node("Cast", ["secret"], ["images"], field(5, message(field(1, "to"), field(3, 1), field(20, 2)))),
    field(11, port("latents", 1, "n", latent)),
    field(12, port("images", 1, 1, 3, resolution, resolution)),
  );

/** A generator that computes for ever, and takes no more memory. */
export const endlessGenerator = (latent: number): Buffer => {
  const body = message(
    node("Identity", ["go on"], ["went on"]),
    node("Identity", ["before"], ["after"]),
    field(2, "body"),
    field(11, port("turn", 7)),
    field(11, port("go on", 9)),
    field(11, port("before", 1, "n", latent)),
    field(12, port("went on", 9)),
    field(12, port("after", 1, "n", latent)),
  );
  return modelOf(
    node("Loop", ["", "", "latents"], ["images"], field(5, message(field(1, "body"), field(6, body), field(20, 5)))),
    field(11, port("latents", 1, "n", latent)),
    field(12, port("images", 1, "n", latent)),
  );
};
