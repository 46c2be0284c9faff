import { TorchError } from "./errors.ts";
import { native } from "./native.ts";
import type { Device } from "./tensor.ts";

const forgotten = new FinalizationRegistry<number>((id) => native.freeGenerator(id));

/** A random generator of its own: the same seed gives the same numbers on the same kind of device. */
export class RandomGenerator {
  /** @internal */
  readonly handle: number;
  readonly device: Device;

  /** @param seed whole number from 0 to 2^53 - 1 */
  constructor(seed: number, device: Device = "cpu") {
    if (!Number.isSafeInteger(seed))
      throw new TorchError(`seed must be a whole number from 0 to 2^53 - 1, got ${seed}`);
    this.handle = native.generator(seed, device);
    this.device = device;
    forgotten.register(this, this.handle);
  }
}
