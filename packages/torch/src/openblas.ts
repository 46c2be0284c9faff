// Debian's and Ubuntu's libtorch multiply float32 matrices with OpenBLAS. One that does not know a processor takes kernels of 2004
// for it, of a quarter of the speed.
import { cpuField, cpuinfo } from "./cpuinfo.ts";

/**
 * What OPENBLAS_CORETYPE has to be for a processor that is newer than OpenBLAS 0.3.21, Debian 12's; later versions choose the same.
 * @param text that of cpuinfo()
 * @returns undefined where OpenBLAS knows better
 */
export function openblasCore(text: string): "SKYLAKEX" | "HASWELL" | undefined {
  const field = (name: string) => cpuField(text, name);
  const [vendor, family, model] = [field("vendor_id"), Number(field("cpu family")), Number(field("model"))];
  const isIntel = vendor === "GenuineIntel" && family === 6 && model > 167;
  const isAmd = vendor === "AuthenticAMD" && family > 25;
  if (!isIntel && !isAmd) return undefined;
  const flags = new Set(field("flags").split(" "));
  const has = (...wanted: string[]) => wanted.every((flag) => flags.has(flag));
  if (has("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")) return "SKYLAKEX";
  return has("avx2", "fma") ? "HASWELL" : undefined;
}

/** Loads libtorch with that set, where the user has set nothing; the environment is then as it was. */
export function withOpenblasCore<T>(load: () => T): T {
  const isSet = process.env.OPENBLAS_CORETYPE !== undefined;
  if (isSet || process.platform !== "linux" || process.arch !== "x64") return load();
  const core = openblasCore(cpuinfo());
  if (core === undefined) return load();
  process.env.OPENBLAS_CORETYPE = core;
  try {
    return load();
  } finally {
    delete process.env.OPENBLAS_CORETYPE;
  }
}
