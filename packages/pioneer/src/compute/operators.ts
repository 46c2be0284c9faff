// Operators that only metrics need.
import { type DType, dtypeCode, operator, type Tensor } from "pioneer-torch";

export const trace = operator<[Tensor], Tensor>("aten::trace");

/** Mirrors at the edges, whose pixels are not repeated. @param padding left, right, top, bottom */
export const reflectionPad = operator<[x: Tensor, padding: readonly number[]], Tensor>("aten::reflection_pad2d");

const topkOp = operator<[Tensor, number, number, boolean, boolean], [Tensor, Tensor]>("aten::topk");
/** The k smallest of each row, ascending. @param x [n, m] @returns [n, k] */
export const smallest = (x: Tensor, k: number): Tensor => {
  const [values, indices] = topkOp(x, k, 1, false, true);
  indices.dispose();
  return values;
};

/** a <= b, element by element. */
export const atMost = operator<[a: Tensor, b: Tensor], Tensor>("aten::le.Tensor");
/** Whether any of a row is true. @param x [n, m] bool @returns [n] */
export const anyOfRow = (x: Tensor): Tensor => anyOp(x, 1, false);
const anyOp = operator<[Tensor, number, boolean], Tensor>("aten::any.dim");

export const floor = operator<[Tensor], Tensor>("aten::floor");
export const round = operator<[Tensor], Tensor>("aten::round");

const resizeOp = operator<[Tensor, readonly number[], boolean, null], Tensor>("aten::_upsample_bilinear2d_aa.vec");
/** Bilinear, antialiased where it makes smaller; pixel centres at half. @param x [n, c, h, w], floating */
export const resize = (x: Tensor, height: number, width: number): Tensor => resizeOp(x, [height, width], false, null);

const mapFileOp = operator<[string, boolean, number, number, null, string], Tensor>("aten::from_file");
/** `length` elements of a file, mapped into memory: what is written to the tensor is written to the file. */
export const mapFile = (path: string, length: number, dtype: DType): Tensor =>
  mapFileOp(path, true, length, dtypeCode(dtype), null, "cpu");
