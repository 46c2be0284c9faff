/** An error of libtorch or of its use: one readable line that names the operator and the tensors it was given. */
export class TorchError extends Error {
  readonly code: string = "TORCH";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A tensor of the wrong shape. */
export class ShapeError extends TorchError {
  override readonly code = "SHAPE";
}

/** A tensor that was used after it was disposed of. */
export class DisposedError extends TorchError {
  override readonly code = "DISPOSED";
}

/** Another rank is gone, hangs, or said what it failed of: nothing can be summed over the ranks any more. */
export class RanksError extends TorchError {
  override readonly code = "RANKS";
}

/** The native addon or libtorch could not be loaded. */
export class LoadError extends TorchError {
  override readonly code = "LIBTORCH";
}
