// What a pickle of NumPy arrays may name, and the arrays that come of it.
import {
  counts,
  damaged,
  type Made,
  type PickleItem,
  PickleName,
  PickleObject,
  type PickleRules,
  pickleNames,
  text,
} from "./reader.ts";

/** An array as NumPy pickles it. */
export class PickledArray extends PickleObject {
  override readonly isPart = false;
  shape: readonly number[] = [];
  /** NumPy's code: "u1" is uint8, "i8" int64. */
  dtype = "";
  isFortran = false;
  /** A view of the bytes that were read, not a copy. */
  data: Buffer = Buffer.alloc(0);
}

class Dtype extends PickleObject {
  override readonly isPart = true;
  readonly code: string;
  constructor(code: string) {
    super();
    this.code = code;
  }
}

function reconstruct(): Made {
  const array = new PickledArray();
  return { value: array, fill: (state) => fillArray(array, state), mustFill: true };
}

function dtype(args: readonly PickleItem[]): Made {
  return {
    value: new Dtype(text(args[0])),
    fill: (state) => {
      if (!Array.isArray(state)) throw damaged("gives a value without parts");
      if (state[3] !== null || state[4] !== null) throw damaged("holds an array of records");
    },
  };
}

function fillArray(target: PickledArray, state: PickleItem): void {
  if (!Array.isArray(state)) throw damaged("gives a value without parts");
  const [, shape, type, isFortran, data] = state;
  if (!Array.isArray(shape) || !(type instanceof Dtype) || !Buffer.isBuffer(data)) {
    throw damaged("holds an array that is not of numbers");
  }
  const size = /^[iufb](1|2|4|8)$/.exec(type.code)?.[1];
  if (size === undefined) throw damaged(`holds an array of type ${JSON.stringify(type.code)}`);
  const sides = counts(shape);
  const bytes = sides.reduce((product, side) => product * side, Number(size));
  if (bytes !== data.length) {
    throw damaged(`holds an array of shape [${sides.join(", ")}] in ${data.length} instead of ${bytes} bytes`);
  }
  Object.assign(target, { shape: sides, dtype: type.code, isFortran: isFortran === true, data });
}

/** Arrays of numbers, as in CIFAR-10's batches. */
export const numpyRules: PickleRules = {
  names: pickleNames([
    new PickleName("numpy.core.multiarray _reconstruct", reconstruct),
    new PickleName("numpy._core.multiarray _reconstruct", reconstruct),
    new PickleName("numpy ndarray"),
    new PickleName("numpy dtype", dtype),
  ]),
};
