import { DataError } from "../base/errors.ts";

export type PickleKey = string | number | bigint;

/**
 * What is neither plain nor a container: values that a reader's own functions make, such as arrays, and parts, which stand
 * in a pickle only on the way to a value (a function, a type) and in no list or dict.
 */
export abstract class PickleObject {
  abstract readonly isPart: boolean;
}

/** What a pickle may hold. Python 2's strings and bytes are Buffers, tuples arrays. */
export type PickleItem =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | PickleItem[]
  | Map<PickleKey, PickleItem>
  | PickleObject;

/** What a call makes. */
export interface Made {
  readonly value: PickleItem;
  /** Takes what the pickle then says of the value; without it nothing may be said. */
  readonly fill?: (state: PickleItem) => void;
  /** Whether the value is nothing before it is filled. */
  readonly mustFill?: boolean;
}

/** A function or class that a pickle may name; `call` is what happens in its place. Without it, it can only be named. */
export class PickleName extends PickleObject {
  override readonly isPart = true;
  readonly name: string;
  readonly call: ((args: readonly PickleItem[]) => Made) | undefined;

  constructor(name: string, call?: (args: readonly PickleItem[]) => Made) {
    super();
    this.name = name;
    this.call = call;
  }
}

/** What one kind of pickle may contain beside plain data. */
export interface PickleRules {
  /** By "module name": nothing else may be named, and nothing is ever called that is not here. */
  readonly names: ReadonlyMap<string, PickleName>;
  /** What an id of something outside of the pickle stands for. */
  readonly persistent?: (id: PickleItem) => PickleItem;
}

/** A table of names for PickleRules. */
export const pickleNames = (names: readonly PickleName[]): ReadonlyMap<string, PickleName> =>
  new Map(names.map((each) => [each.name, each]));

/** Lists, dicts and calls in one pickle; a data set's or a checkpoint's has thousands. More would fill the memory. */
const maxContainers = 2 ** 18;

const mark = Symbol("mark");
type Item = PickleItem | typeof mark;

/**
 * Reads a pickle of lists, tuples, dicts, bytes, strings, numbers and what `rules` allow, in protocols 0 to 5 as far as
 * such data need them. It runs nothing: a pickle that names any other function or class is refused. Time and memory
 * are bounded by the length of `bytes`.
 * @param at where the pickle begins
 * @returns the value, and where the pickle ended
 * @throws DataError, without the file's name: cut short, damaged, or something that is not plain data
 */
export function readPickle(bytes: Buffer, rules: PickleRules, at = 0): { value: PickleItem; end: number } {
  return new PickleReader(bytes, rules, at).read();
}

class PickleReader {
  readonly #bytes: Buffer;
  readonly #rules: PickleRules;
  #at: number;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, PickleItem>();
  readonly #fills = new Map<PickleItem, (state: PickleItem) => void>();
  /** Values may be looked at only once they are whole. */
  readonly #unfilled = new Set<PickleItem>();
  #containers = 0;

  constructor(bytes: Buffer, rules: PickleRules, at: number) {
    this.#bytes = bytes;
    this.#rules = rules;
    this.#at = at;
  }

  read(): { value: PickleItem; end: number } {
    for (;;) {
      const opcode = this.#take(1)[0] as number;
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode);
    }
    if (this.#stack.length !== 1) throw damaged(`ends with ${this.#stack.length} values instead of one`);
    if (this.#unfilled.size > 0) throw damaged("holds an array without content");
    return { value: data(this.#pop()), end: this.#at };
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
        this.#pushNew([]);
        return;
      case "l":
      case "t":
        this.#pushNew(this.#popToMark());
        return;
      case "\x85":
      case "\x86":
      case "\x87":
        this.#pushNew(this.#popMany(opcode - 0x84));
        return;
      case "}":
        this.#pushNew(new Map());
        return;
      case "d": {
        const items = this.#popToMark();
        this.#pushNew(new Map());
        this.#setItems(items);
        return;
      }
      case "a":
        this.#append([this.#pop()]);
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
        stack.push(this.#find(module, this.#line()));
        return;
      }
      case "\x93": {
        const [module, name] = this.#popMany(2);
        stack.push(this.#find(text(module), text(name)));
        return;
      }
      case "Q": {
        const { persistent } = this.#rules;
        if (!persistent) throw damaged("points at something outside of itself");
        stack.push(persistent(this.#pop()));
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

  #find(module: string, name: string): PickleName {
    const found = this.#rules.names.get(`${module} ${name}`);
    if (found) return found;
    throw new DataError(
      `names ${JSON.stringify(`${module}.${name}`.slice(0, 80))}, which plain data have no use for; it may come from someone who means harm`,
    );
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PickleName) || !Array.isArray(args)) throw damaged("calls something that is no function");
    if (!callee.call) throw damaged(`calls ${JSON.stringify(callee.name)}, which is only named`);
    const { value, fill, mustFill } = callee.call(args);
    this.#pushNew(value);
    if (fill) this.#fills.set(value, fill);
    if (mustFill) this.#unfilled.add(value);
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    const fill = this.#fills.get(target);
    if (!fill) throw damaged("fills something that takes no content");
    fill(state);
    this.#unfilled.delete(target);
  }

  #append(items: PickleItem[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw damaged("adds to something that is no list");
    for (const item of items) list.push(data(item));
  }

  #setItems(items: PickleItem[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw damaged("adds to something that is no dict");
    if (items.length % 2 !== 0) throw damaged("has a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(key(items[i]), data(items[i + 1] as PickleItem));
  }

  #recall(index: number): void {
    const item = this.#memo.get(index);
    if (item === undefined) throw damaged(`recalls value ${index}, which it never stored`);
    this.#stack.push(item);
  }

  #pushNew(container: PickleItem): void {
    if (++this.#containers > maxContainers) throw damaged(`holds more than ${maxContainers} lists and dicts`);
    this.#stack.push(container);
  }

  #top(): PickleItem {
    const item = this.#stack.at(-1);
    if (item === undefined || item === mark) throw damaged("uses a value that is not there");
    return item as PickleItem;
  }

  #pop(): PickleItem {
    const item = this.#top();
    this.#stack.pop();
    return item;
  }

  #popMany(count: number): PickleItem[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  /** A tuple may hold parts, such as a type; `data` keeps those out of lists and dicts. */
  #popToMark(): PickleItem[] {
    const start = this.#stack.lastIndexOf(mark);
    if (start < 0) throw damaged("ends a list that never began");
    return this.#stack.splice(start).slice(1) as PickleItem[];
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

function data(item: PickleItem): PickleItem {
  if (item instanceof PickleObject && item.isPart) throw damaged("holds something that is no data");
  return item;
}

function key(item: PickleItem | undefined): PickleKey {
  if (typeof item === "number" || typeof item === "bigint") return item;
  if (typeof item === "string" || Buffer.isBuffer(item)) return text(item);
  throw damaged("has an odd key");
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

/** Of names and keys. Without it, a long one used again and again would cost its length each time. */
const maxTextLength = 2 ** 12;

/** A string of either Python, as short as names are. @throws DataError */
export function text(value: PickleItem | undefined): string {
  const isText = typeof value === "string" || Buffer.isBuffer(value);
  if (!isText || value.length > maxTextLength) throw damaged("has a name that is no text, or too long");
  return typeof value === "string" ? value : value.toString("latin1");
}

/** Sizes of an array's dimensions, or the like: a short tuple of whole numbers from 0. @throws DataError */
export function counts(value: PickleItem | undefined): number[] {
  const maxDimensions = 32;
  const isCount = (count: PickleItem) => typeof count === "number" && Number.isSafeInteger(count) && count >= 0;
  if (!Array.isArray(value) || value.length > maxDimensions || !value.every(isCount)) {
    throw damaged("holds an array of no shape");
  }
  return [...value] as number[];
}

function cutShort(length: number): DataError {
  return new DataError(`is a pickle cut short after ${length} bytes; download it again`);
}

export function damaged(what: string): DataError {
  return new DataError(`is not a pickle of plain data, or damaged: it ${what}; download it again`);
}
