// What computes a model; apart from opening one, so that the command line knows it without loading any.

export const engines = ["torch", "onnx"] as const;
export type Engine = (typeof engines)[number];
