import fc from "fast-check";
import { expect, test } from "vitest";
import * as torch from "../src/index.ts";
import { DisposedError, operator, RandomGenerator, scope, type Tensor, TorchError, tensor } from "../src/index.ts";
import { native } from "../src/native.ts";
import { f64, values } from "./support/close.ts";

/** Calls past the compiler, as plain JavaScript would. */
const any = (value: unknown) => value as never;

const x = tensor(new Float32Array(6), [2, 3]);
const disposed = f64([1]);
disposed.dispose();

const mistakes: [what: string, mistake: () => unknown, message: string | RegExp][] = [
  ["wrong shape", () => x.matmul(x), /^aten::matmul: .*\(self float32\[2,3\] cpu, other float32\[2,3\] cpu\)$/],
  ["wrong dimensions", () => torch.conv2d(x, x, null), /^aten::conv2d: Expected .*\(input float32\[2,3\] cpu, weight/],
  ["wrong dtype", () => torch.linear(x, f64([1, 2, 3], [1, 3]), null), /^aten::linear: .*float64\[1,3\] cpu\)$/],
  ["index of the wrong dtype", () => x.indexSelect(0, tensor([0, 1])), /^aten::index_select: /],
  ["dimension out of range", () => x.sum([5]), /^aten::sum: Dimension out of range/],
  ["reshape that does not fit", () => x.reshape([4]), /^aten::reshape: shape '\[4\]' is invalid for input of size 6/],
  ["disposed tensor", () => x.add(disposed), "aten::add.Tensor: argument is a tensor that was disposed of"],
  ["foreign object", () => x.add(any({})), "aten::add.Scalar: argument must be a Tensor, got object"],
  [
    "a tensor of another worker arrives as a plain object",
    () => x.add(structuredClone(any(x))),
    "must be a Tensor, got object",
  ],
  ["null", () => torch.linear(x, any(null), null), "aten::linear: weight must be a Tensor, got null"],
  ["undefined", () => torch.linear(any(undefined), x, null), "aten::linear: input must be a Tensor, got undefined"],
  [
    "a raw number where a tensor belongs",
    () => torch.linear(x, any(16777216), null),
    "aten::linear: weight must be a Tensor, got 16777216",
  ],
  [
    "a generator where a tensor belongs",
    () => torch.linear(x, any(new RandomGenerator(1).handle), null),
    "weight must be a Tensor",
  ],
  [
    "a tensor where a number belongs",
    () => torch.leakyRelu(x, any(x)),
    "aten::leaky_relu: negative_slope must be a number, got float32[2,3] cpu",
  ],
  [
    "text where a number belongs",
    () => torch.leakyRelu(x, any("0.2\n")),
    'negative_slope must be a number, got "0.2 "',
  ],
  [
    "a fraction where a whole number belongs",
    () => x.narrow(0, 0.5, 1),
    "aten::narrow: start must be a whole number, got 0.5",
  ],
  [
    "NaN where a whole number belongs",
    () => x.narrow(0, Number.NaN, 1),
    "aten::narrow: start must be a whole number, got nan",
  ],
  [
    "infinity where a whole number belongs",
    () => x.narrow(0, Number.POSITIVE_INFINITY, 1),
    /^aten::narrow: start must be from -?\d+ to \d+, got inf/,
  ],
  ["a number where a list belongs", () => x.reshape(any(6)), "aten::reshape: shape must be an array, got 6"],
  ["text in a list", () => x.reshape([any("6")]), 'aten::reshape: shape must be a number, got "6"'],
  ["a dtype that is none", () => x.to(any("float8")), /^unknown dtype "float8"; known: /],
  [
    "a number that is no dtype",
    () => operator<[readonly number[], number], Tensor>("aten::zeros")([1], 999),
    /^aten::zeros: dtype must be from 0 to/,
  ],
  // libtorch answers this one with a page that lists where each backend was registered.
  ["a device of another build", () => torch.zeros([1], { device: any("xla") }), /^aten::zeros: Could not run/],
  ["a device that is none", () => x.to(any("chair")), /^aten::to: .*chair/],
  [
    "unknown operator",
    () => operator<[Tensor], Tensor>("aten::no_such_thing")(x),
    "libtorch has no operator aten::no_such_thing",
  ],
  [
    "unknown overload",
    () => operator<[Tensor], Tensor>("aten::add.Nothing")(x),
    "libtorch has no operator aten::add.Nothing",
  ],
  ["too many arguments", () => operator<Tensor[], Tensor>("aten::relu")(x, x), "aten::relu: takes 1 arguments, got 2"],
  [
    "too few arguments",
    () => operator<Tensor[], Tensor>("aten::matmul")(x),
    "aten::matmul: other must be a Tensor, got undefined",
  ],
  ["item of many", () => x.item(), "item needs a tensor of one element, got Tensor(float32[2,3] cpu)"],
  ["size that is not there", () => x.size(2), "a tensor of 2 dimensions has no dimension 2"],
  ["data against shape", () => tensor([1, 2], [3]), "data holds 8 bytes, shape and dtype need 12"],
  ["negative shape", () => tensor([1], [-1]), "shape must not hold negative sizes"],
  ["shape that overflows", () => tensor([1], [2 ** 53 - 1, 2 ** 53 - 1]), "shape is too large"],
  ["array without a dtype", () => tensor(new Uint16Array(1)), "a Uint16Array has no dtype of its own; pass one"],
  [
    "shared memory off its grid",
    () => tensor(new Uint8Array(9).subarray(1), [2], { dtype: "float32", share: true }),
    "multiple",
  ],
  ["threads", () => torch.setThreads(0), "threads must be from 1 to 1024, got 0"],
  ["a lock on no file", () => torch.lockFile(987654), "flock: Bad file descriptor"],
  ["a lock on nothing", () => torch.lockFile(any("x")), 'fd must be a number, got "x"'],
];
test.each(mistakes)("%s: one readable line", (_, mistake, message) => {
  const error = errorOf(mistake);
  expect(error).toBeInstanceOf(TorchError);
  expect(error.message).toMatch(message);
  expectOneLine(error);
  expect(error.code).toMatch(/^(TORCH|DISPOSED)$/);
  expect(error.stack).toContain("errors.test.ts");
});

test("after all these errors everything still works", () => {
  for (const [, mistake] of mistakes) errorOf(mistake);
  expect(values(x.add(1).sum())).toEqual([6]);
  expect(errorOf(() => x.add(disposed))).toBeInstanceOf(DisposedError);
});

test("an error leaves no tensor behind", () => {
  const before = torch.memory().tensors;
  for (const [, mistake] of mistakes) scope(() => void errorOf(mistake));
  expect(torch.memory().tensors).toBe(before);
});

const fuzzedOperators = [
  "aten::relu",
  "aten::add.Tensor",
  "aten::add_.Tensor",
  "aten::lerp.Scalar",
  "aten::pow.Tensor_Scalar",
  "aten::clamp",
  "aten::where.self",
  "aten::matmul",
  "aten::linear",
  "aten::conv2d",
  "aten::avg_pool2d",
  "aten::upsample_nearest2d.vec",
  "aten::leaky_relu",
  "aten::sum.dim_IntList",
  "aten::mean.dim",
  "aten::norm.ScalarOpt_dim",
  "aten::reshape",
  "aten::permute",
  "aten::transpose.int",
  "aten::narrow",
  "aten::select.int",
  "aten::expand",
  "aten::flip",
  "aten::unsqueeze",
  "aten::index_select",
  "aten::index.Tensor",
  "aten::cat",
  "aten::stack",
  "aten::contiguous",
  "aten::clone",
  "aten::to.dtype",
  "aten::to.dtype_layout",
  "aten::view.dtype",
  "aten::zeros",
  "aten::empty.memory_format",
  "aten::normal_",
  "aten::copy_",
  "aten::from_file",
  "aten::_foreach_add_.List",
  "aten::_foreach_addcdiv_.ScalarList",
  "aten::requires_grad_",
  "aten::linalg_svdvals",
];

/** What a confused program might pass; tensors are made anew each time, because operators write into them. */
const { value: junk } = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  value: fc.oneof({ weight: 4, arbitrary: tie("leaf") }, fc.array(tie("leaf"), { maxLength: 4 })),
  leaf: fc.oneof(
    fc.constantFrom<unknown>(0, 1, 2, 3, -1, -2, 0.5, -0, 1e300, 2 ** 53, -(2 ** 63), 2 ** 24, 5e-324),
    fc.constantFrom<unknown>(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    fc.constantFrom<unknown>(null, undefined, true, false, "", "cpu", "cuda", "x\ny", 7n, Symbol("s"), () => 1),
    fc
      .constantFrom<() => unknown>(
        () => tensor(new Float32Array(6), [2, 3]),
        () => f64([1, 2, 3, 4], [1, 1, 2, 2]),
        () => tensor(new BigInt64Array([0n, 1n])),
        () => tensor(new Uint8Array([1, 0]), [2], { dtype: "bool" }),
        () => f64([2], []),
        () => tensor(new Float32Array(0), [0, 2]),
        () => f64([1, 2]).requiresGrad_(),
        () => new Proxy([], {}),
        () => ({}),
        () => new Date(0),
        () => new Float32Array(2),
      )
      .map((make) => ({ make })),
  ),
}));
const made = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(made);
  if (typeof value === "object" && value !== null && "make" in value) return (value.make as () => unknown)();
  return value;
};

test("no junk crashes an operator: it answers, or throws one line", () => {
  const calls = fc.tuple(fc.constantFrom(...fuzzedOperators), fc.array(junk, { maxLength: 6 }));
  const before = torch.memory().tensors;
  fc.assert(
    fc.property(calls, ([name, list]) =>
      scope(() => {
        const error = errorOf(() => operator<never[], unknown>(name)(...(list.map(made) as never[])), true);
        if (!error) return;
        expect(error).toBeInstanceOf(TorchError);
        expect(error.message).toContain(name.split(".")[0]);
        expectOneLine(error);
      }),
    ),
    { numRuns: 6000, seed: 1 },
  );
  expect(torch.memory().tensors).toBe(before);
});

test("no junk crashes an entry point of the addon", () => {
  // These change the process or need a real file descriptor; setErrorFactory is tested by every other line here.
  const left = new Set(["setErrorFactory", "dieWithParent", "lockFile", "setThreads"]);
  const entries = Object.entries(native).filter(([name]) => !left.has(name)) as [
    string,
    (...list: unknown[]) => unknown,
  ][];
  const property = fc.property(fc.constantFrom(...entries), fc.array(junk, { maxLength: 6 }), ([, entry], list) => {
    const error = errorOf(() => entry(...list.map(made)), true);
    if (!error) return;
    expect(error).toBeInstanceOf(TorchError);
    expectOneLine(error);
  });
  const recording = native.setGradMode(true);
  fc.assert(property, { numRuns: 4000, seed: 2 });
  native.setGradMode(recording);
  native.setDeterministic(false);
});

test("handles are not guessed: freed, foreign and neighbouring numbers are refused", () => {
  const id = native.fromBuffer(new Float32Array(1), 6, [1], true);
  expect(native.shape(id)).toEqual([1]);
  expect(native.free(id)).toBe(true);
  expect(native.free(id)).toBe(false);
  expect(() => native.shape(id)).toThrow("tensor must be a Tensor");
  const next = native.fromBuffer(new Float32Array(1), 6, [1], true);
  expect(next).not.toBe(id);
  expect(() => native.shape(id)).toThrow("tensor must be a Tensor");
  expect(() => native.shape(-next)).toThrow("tensor must be a Tensor");
  native.free(next);
});

test("a list that claims four thousand million elements is refused at once", () => {
  const endless: never[] = [];
  endless.length = 2 ** 32 - 1;
  const { index } = native.operator("aten::index", "Tensor");
  const id = native.fromBuffer(new Float32Array(1), 6, [1], true);
  expect(() => native.call(index, [id, endless])).toThrow("indices is a list of 4294967295 elements, too many");
  expect(() => native.fromBuffer(new Float32Array(1), 6, endless, true)).toThrow("too many");
  native.free(id);
});

test("getters that dispose of what was already read do no harm", () => {
  const victim = native.fromBuffer(new Float32Array(2), 6, [2], true);
  const { index } = native.operator("aten::cat", "");
  const list: number[] = [victim];
  Object.defineProperty(list, 1, {
    get: () => {
      native.free(victim);
      return native.fromBuffer(new Float32Array(3), 6, [3], true);
    },
  });
  const joined = native.call(index, [list]) as number;
  expect(native.shape(joined)).toEqual([5]);
  native.free(joined);
});

function expectOneLine(error: Error): void {
  expect(error.message).not.toContain("\n");
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.message.length).toBeLessThan(1200);
}

function errorOf(body: () => unknown): TorchError;
function errorOf(body: () => unknown, mayPass: true): TorchError | undefined;
function errorOf(body: () => unknown, mayPass = false): TorchError | undefined {
  try {
    body();
  } catch (error) {
    return error as TorchError;
  }
  if (!mayPass) expect.fail("nothing was thrown");
  return undefined;
}
