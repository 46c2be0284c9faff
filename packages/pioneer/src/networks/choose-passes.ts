import { hasFused, type Tensor } from "pioneer-torch";
import { composed } from "./composed.ts";
import { fused } from "./fused.ts";
import type { Precision } from "./layers.ts";
import type { Passes } from "./passes.ts";

/** Fused where there are kernels: float32 and bfloat16 on the CPU, and on CUDA where they were built. */
export const passesFor = (precision: Precision, { device }: Tensor): Passes =>
  precision !== "fp64" && hasFused(device) ? fused : composed;
