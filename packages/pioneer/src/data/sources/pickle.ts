import { DataError } from "../../errors.ts";

/** An array as NumPy pickles it. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** NumPy's code: "u1" is uint8, "i8" int64. */
  readonly dtype: string;
  readonly isFortran: boolean;
  /** A view of the bytes that were read, not a copy. */
  readonly data: Buffer;
}

/** What a pickle may hold. Python 2's strings and bytes are Buffers, keys of dicts text or numbers. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | PickleValue[]
  | Map<string | number, PickleValue>
  | PickledArray;

/** The functions and classes a pickle may name, by module and name; nothing is ever called that is not in this file. */
const globals: Record<string, "reconstruct" | "ndarray" | "dtype"> = {
  "numpy.core.multiarray _reconstruct": "reconstruct",
  "numpy._core.multiarray _reconstruct": "reconstruct",
  "numpy ndarray": "ndarray",
  "numpy dtype": "dtype",
};

class Global {
  readonly what: "reconstruct" | "ndarray" | "dtype";
  constructor(what: Global["what"]) {
    this.what = what;
  }
}
class Dtype {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}
/** An array between its REDUCE and its BUILD. */
class ArrayBuilder implements PickledArray {
  shape: number[] = [];
  dtype = "";
  isFortran = false;
  data: Buffer = Buffer.alloc(0);
  isBuilt = false;
}
const mark = Symbol("mark");
type Item = PickleValue | Global | Dtype | typeof mark;

/**
 * Reads a pickle of plain data: lists, tuples, dicts, bytes, strings, numbers and NumPy arrays of numbers, in protocols
 * 0 to 5 as far as such data need them. It runs nothing: a pickle that names any other function or class is refused.
 * Time and memory are bounded by the length of `bytes`.
 * @throws DataError, without the file's name: cut short, damaged, or something that is not plain data
 */
export function readPickle(bytes: Buffer): PickleValue {
  return new PickleReader(bytes).read();
}

class PickleReader {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Item>();
  /** Arrays may be looked at only once they are whole. */
  readonly #arrays: ArrayBuilder[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): PickleValue {
    for (;;) {
      const opcode = this.#take(1)[0] as number;
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode);
    }
    if (this.#stack.length !== 1) throw damaged(`ends with ${this.#stack.length} values instead of one`);
    if (this.#arrays.some(({ isBuilt }) => !isBuilt)) throw damaged("holds an array without content");
    return this.#value(this.#pop());
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (String.fromCharCode(opcode)) {
      case "\x80": // PROTO
        if (this.#uint(1) > 5) throw new DataError("is a pickle of a protocol newer than 5");
        return;
      case "\x95": // FRAME
        this.#take(8);
        return;
      case "(":
        stack.push(mark);
        return;
      case "0":
        this.#pop();
        return;
      case "N":
        stack.push(null);
        return;
      case "\x88":
        stack.push(true);
        return;
      case "\x89":
        stack.push(false);
        return;
      case "K":
        stack.push(this.#uint(1));
        return;
      case "M":
        stack.push(this.#uint(2));
        return;
      case "J":
        stack.push(this.#take(4).readInt32LE());
        return;
      case "\x8a":
        stack.push(readLong(this.#take(this.#uint(1))));
        return;
      case "I":
      case "L":
        stack.push(readDecimal(this.#line()));
        return;
      case "G":
        stack.push(this.#take(8).readDoubleBE());
        return;
      case "U": // Python 2's strings, and bytes
      case "C":
        stack.push(this.#take(this.#uint(1)));
        return;
      case "T":
      case "B":
        stack.push(this.#take(this.#uint(4)));
        return;
      case "\x8e":
        stack.push(this.#take(this.#uint64()));
        return;
      case "\x8c":
        stack.push(this.#take(this.#uint(1)).toString("utf8"));
        return;
      case "X":
        stack.push(this.#take(this.#uint(4)).toString("utf8"));
        return;
      case "\x8d":
        stack.push(this.#take(this.#uint64()).toString("utf8"));
        return;
      case "]":
      case ")":
        stack.push([]);
        return;
      case "l":
      case "t":
        stack.push(this.#popToMark());
        return;
      case "\x85":
      case "\x86":
      case "\x87":
        stack.push(this.#popMany(opcode - 0x84));
        return;
      case "}":
        stack.push(new Map());
        return;
      case "d": {
        const items = this.#popToMark();
        stack.push(new Map());
        this.#setItems(items);
        return;
      }
      case "a":
        this.#append([this.#value(this.#pop())]);
        return;
      case "e":
        this.#append(this.#popToMark());
        return;
      case "s":
        this.#setItems(this.#popMany(2));
        return;
      case "u":
        this.#setItems(this.#popToMark());
        return;
      case "p":
        this.#memo.set(Number(this.#line()), this.#top());
        return;
      case "q":
        this.#memo.set(this.#uint(1), this.#top());
        return;
      case "r":
        this.#memo.set(this.#uint(4), this.#top());
        return;
      case "\x94":
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case "g":
        this.#recall(Number(this.#line()));
        return;
      case "h":
        this.#recall(this.#uint(1));
        return;
      case "j":
        this.#recall(this.#uint(4));
        return;
      case "c": {
        const module = this.#line();
        stack.push(findGlobal(module, this.#line()));
        return;
      }
      case "\x93": {
        const [module, name] = this.#popMany(2);
        stack.push(findGlobal(text(module), text(name)));
        return;
      }
      case "R":
        this.#reduce();
        return;
      case "b":
        this.#build();
        return;
      default:
        throw damaged(`opcode 0x${opcode.toString(16)} at byte ${this.#at - 1} is none of plain data`);
    }
  }

  /** The two calls that make a NumPy array: an empty one, and its element type. */
  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof Global) || !Array.isArray(args)) throw damaged("calls something that is no function");
    if (callee.what === "reconstruct") {
      const array = new ArrayBuilder();
      this.#arrays.push(array);
      this.#stack.push(array);
    } else if (callee.what === "dtype") {
      this.#stack.push(new Dtype(text(args[0])));
    } else {
      throw damaged("makes an array in an unknown way");
    }
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (!Array.isArray(state)) throw damaged("gives a value without parts");
    if (target instanceof Dtype) {
      if (state[3] !== null || state[4] !== null) throw damaged("holds an array of records");
      return;
    }
    if (!(target instanceof ArrayBuilder)) throw damaged("fills something that is no array");
    const [, shape, , isFortran, data] = state;
    const dtype = (state as Item[])[2];
    if (!Array.isArray(shape) || !(dtype instanceof Dtype) || !Buffer.isBuffer(data)) {
      throw damaged("holds an array that is not of numbers");
    }
    const size = /^[iufb](1|2|4|8)$/.exec(dtype.code)?.[1];
    if (size === undefined) throw damaged(`holds an array of type ${JSON.stringify(dtype.code)}`);
    const sides = shape.map((side) => {
      if (typeof side !== "number" || !Number.isSafeInteger(side) || side < 0)
        throw damaged("holds an array of no shape");
      return side;
    });
    const bytes = sides.reduce((product, side) => product * side, Number(size));
    if (bytes !== data.length) {
      throw damaged(`holds an array of shape [${sides.join(", ")}] in ${data.length} instead of ${bytes} bytes`);
    }
    Object.assign(target, { shape: sides, dtype: dtype.code, isFortran: isFortran === true, data, isBuilt: true });
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw damaged("adds to something that is no list");
    for (const item of items) list.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw damaged("adds to something that is no dict");
    if (items.length % 2 !== 0) throw damaged("has a key without a value");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i] as PickleValue;
      if (typeof key !== "number" && typeof key !== "string" && !Buffer.isBuffer(key)) throw damaged("has an odd key");
      dict.set(typeof key === "number" ? key : text(key), items[i + 1] as PickleValue);
    }
  }

  #recall(index: number): void {
    const item = this.#memo.get(index);
    if (item === undefined) throw damaged(`recalls value ${index}, which it never stored`);
    this.#stack.push(item);
  }

  #top(): Item {
    const item = this.#stack.at(-1);
    if (item === undefined || item === mark) throw damaged("uses a value that is not there");
    return item;
  }

  #pop(): Item {
    const item = this.#top();
    this.#stack.pop();
    return item;
  }

  #popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop() as PickleValue).reverse();
  }

  /** Parts of a tuple may be a function's or a type's; `#value` keeps those out of lists and dicts. */
  #popToMark(): PickleValue[] {
    const start = this.#stack.lastIndexOf(mark);
    if (start < 0) throw damaged("ends a list that never began");
    const items = this.#stack.splice(start);
    return items.slice(1) as PickleValue[];
  }

  #value(item: Item): PickleValue {
    if (item === mark || item instanceof Global || item instanceof Dtype)
      throw damaged("holds something that is no data");
    return item;
  }

  #uint(bytes: 1 | 2 | 4): number {
    return this.#take(bytes).readUIntLE(0, bytes);
  }

  #uint64(): number {
    return Number(this.#take(8).readBigUInt64LE());
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw cutShort(this.#bytes.length);
    const line = this.#take(end - this.#at).toString("latin1");
    this.#at++;
    return line;
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw cutShort(this.#bytes.length);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function findGlobal(module: string, name: string): Global {
  const what = globals[`${module} ${name}`];
  if (what === undefined) {
    throw new DataError(
      `names ${JSON.stringify(`${module}.${name}`.slice(0, 80))}, which plain data have no use for; it may come from someone who means harm`,
    );
  }
  return new Global(what);
}

/** Little-endian two's complement, of any length. */
function readLong(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0;
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function readDecimal(line: string): number | boolean {
  if (line === "00") return false;
  if (line === "01") return true;
  const value = /^[+-]?\d{1,15}L?$/.test(line) ? Number(line.replace("L", "")) : Number.NaN;
  if (Number.isNaN(value)) throw damaged(`has ${JSON.stringify(line.slice(0, 40))} for a number`);
  return value;
}

function text(value: PickleValue | undefined): string {
  if (typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  throw damaged("has a name that is no text");
}

function cutShort(length: number): DataError {
  return new DataError(`is a pickle cut short after ${length} bytes; download it again`);
}

function damaged(what: string): DataError {
  return new DataError(`is not a pickle of plain data, or damaged: it ${what}; download it again`);
}
