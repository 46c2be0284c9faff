// Latents as the one tensor of a .safetensors file.
import { readSafetensors, scope, TorchError, tensor, writeSafetensors } from "pioneer-torch";
import { DataError } from "../base/errors.ts";
import type { NumpyRows } from "./npy.ts";

/** Latents with what a file says of them. */
export interface Rows extends NumpyRows {
  readonly metadata: Readonly<Record<string, string>>;
}

const tensorName = "latents";

/** @throws the file system's error */
export function writeTensor(path: string, { values, columns, metadata }: Rows): void {
  scope(() =>
    writeSafetensors(path, new Map([[tensorName, tensor(values, [values.length / columns, columns])]]), metadata),
  );
}

/** The tensor called latents, or the only one; one row may stand without its brackets. @throws DataError */
export function readTensor(path: string): Rows {
  try {
    const { tensors, metadata } = readSafetensors(path);
    try {
      const found = tensors.get(tensorName) ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined);
      if (found === undefined) {
        const some = [...tensors.keys()].slice(0, 3).join(", ");
        throw new DataError(`${path} has no tensor called ${tensorName}, only ${some || "none"}: give another file`);
      }
      const [columns = 0] = found.shape.slice(-1);
      if (found.shape.length < 1 || found.shape.length > 2 || columns === 0 || !found.dtype.includes("float")) {
        throw new DataError(
          `${path} holds ${found.dtype} values of shape [${found.shape.join(", ")}], not rows of numbers: give another file`,
        );
      }
      return { values: found.toFloat32Array(), columns, metadata };
    } finally {
      for (const value of tensors.values()) value.dispose();
    }
  } catch (error) {
    if (error instanceof TorchError && error.code === "TORCH") throw new DataError(error.message, { cause: error });
    throw error;
  }
}
