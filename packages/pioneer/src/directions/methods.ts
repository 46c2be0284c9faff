// How directions are found; apart from the finding, so that the command line knows it without libtorch.
import type { Direction } from "./file.ts";

/** Of one labelled attribute: by regression, or from one side's mean to the other's. */
export type AttributeMethod = "linear" | "mean";
/** Those, or without labels the directions of most variance. */
export const methods = ["linear", "mean", "pca"] as const satisfies readonly Direction["method"][];
export type Method = (typeof methods)[number];

/** Directions of pca unless told otherwise. */
export const defaultComponents = 8;
