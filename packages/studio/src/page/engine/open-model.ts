import type { ModelConfig } from "pioneer-runtime";

/** The model in use. */
export interface OpenModel {
  readonly id: string;
  readonly name: string;
  /** Whole address of its folder. */
  readonly folder: string;
  readonly config: ModelConfig;
  readonly hasEncoder: boolean;
  /** Tells models apart wherever they are served: the SHA-256 of the generator. */
  readonly key: string;
}
