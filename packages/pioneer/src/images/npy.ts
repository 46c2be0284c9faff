// NumPy's .npy files (NEP 1): magic, version, length of the header, a Python dictionary, the values.
import { DataError } from "../base/errors.ts";

const magic = Buffer.from("\x93NUMPY", "latin1");
/** Values begin at a multiple of so many bytes. */
const alignment = 64;

/** Readers of a value at a byte, by NumPy's name of the type. */
const readers: Readonly<
  Record<string, { readonly bytes: number; readonly read: (at: DataView, byte: number) => number }>
> = {
  "<f4": { bytes: 4, read: (at, byte) => at.getFloat32(byte, true) },
  "<f8": { bytes: 8, read: (at, byte) => at.getFloat64(byte, true) },
};

/** Rows of numbers. */
export interface NumpyRows {
  /** [rows * columns] */
  readonly values: Float32Array;
  readonly columns: number;
}

/** A file that `numpy.load` reads as float32 [values.length / columns, columns]. */
export function toNpy({ values, columns }: NumpyRows): Buffer {
  const shape = `(${values.length / columns}, ${columns})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const before = magic.length + 4;
  const length = Math.ceil((before + dictionary.length + 1) / alignment) * alignment - before;
  const header = Buffer.alloc(before + length, " ");
  magic.copy(header);
  header.set([1, 0], magic.length);
  header.writeUInt16LE(length, magic.length + 2);
  header.write(dictionary, before, "latin1");
  header.write("\n", header.length - 1);
  const data = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) data.writeFloatLE(value, 4 * i);
  return Buffer.concat([header, data]);
}

/**
 * The rows of a .npy file of float32 or float64; one row may stand without its brackets.
 * @throws DataError in one line, without the file's name
 */
export function fromNpy(file: Buffer): NumpyRows {
  const { descr, shape, start } = readHeader(file);
  const reader = Object.hasOwn(readers, descr) ? readers[descr] : undefined;
  if (reader === undefined) {
    throw new DataError(`holds values of NumPy's type ${descr}, not float32: save it with .astype("float32")`);
  }
  const [rows = 0, columns = 0] = shape.length === 1 ? [1, ...shape] : shape;
  if (shape.length < 1 || shape.length > 2 || columns === 0) {
    throw new DataError(
      `holds an array of shape (${shape.join(", ")}), not rows of numbers: save it with .reshape(-1, N)`,
    );
  }
  if (file.length !== start + rows * columns * reader.bytes) {
    throw new DataError(
      `should have ${start + rows * columns * reader.bytes} bytes and has ${file.length}: it is cut short or damaged; copy it again`,
    );
  }
  const at = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const values = Float32Array.from({ length: rows * columns }, (_, i) => reader.read(at, start + i * reader.bytes));
  return { values, columns };
}

function readHeader(file: Buffer): { descr: string; shape: number[]; start: number } {
  if (file.length < magic.length + 4 || !file.subarray(0, magic.length).equals(magic)) {
    throw new DataError("is no .npy file: save it with numpy.save");
  }
  const isShort = file[magic.length] === 1;
  const start = magic.length + (isShort ? 4 : 6);
  const length = isShort
    ? file.readUInt16LE(magic.length + 2)
    : file.length < start
      ? 0
      : file.readUInt32LE(magic.length + 2);
  const dictionary = file.toString("latin1", start, start + length);
  const descr = /'descr':\s*'([^']*)'/.exec(dictionary)?.[1];
  const shape = /'shape':\s*\(([\d, ]*)\)/.exec(dictionary)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(dictionary)?.[1];
  if (descr === undefined || shape === undefined || order === undefined) {
    throw new DataError("has a header that is no array of numbers: save it with numpy.save");
  }
  if (order === "True") {
    throw new DataError("is in Fortran's order, column by column: save it with numpy.ascontiguousarray");
  }
  const sizes = shape.split(",").filter((text) => text.trim() !== "");
  return { descr, shape: sizes.map(Number), start: start + length };
}
