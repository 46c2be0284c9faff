/** What went wrong, for programs; the message says it for people. */
export type ModelErrorCode =
  /** A file, a folder or an address is not there. */
  | "MISSING"
  /** A file is not what config.json says, or cannot be read as what it should be. */
  | "DAMAGED"
  /** Written by a newer version. */
  | "FORMAT"
  /** The part was not loaded, or the folder does not have it. */
  | "PART"
  /** Images that are no images, or of another size. */
  | "IMAGE"
  /** Latents of another dimension or number, of length other than 1, or not finite. */
  | "LATENT"
  /** An option with a value it cannot have. */
  | "OPTION"
  /** A package that is needed is not installed. */
  | "INSTALL"
  /** The engine could not start, or failed while computing. */
  | "BACKEND"
  | "DISPOSED";

/** An error the caller can act on: one line that says what is wrong, with which value, and the mend. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ModelError";
    this.code = code;
  }
}

/** The first line of why something was thrown: of a fetch that failed the cause says it. */
export function firstCause(error: unknown): string {
  const { cause } = Object(error) as { readonly cause?: unknown };
  return (cause === undefined ? "" : firstLine(cause)) || firstLine(error);
}

/** The first line of whatever was thrown. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}
