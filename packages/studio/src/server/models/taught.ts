import { firstLine, Queue } from "pioneer-runtime/internal";
import type { NewDirections, UsableModel } from "../../shared/models.ts";
import { StudioError } from "../base/errors.ts";
import type { Library } from "./library.ts";

type Directions = NewDirections["directions"];

/**
 * Adds directions to a model folder: all of them, or none.
 * @returns the folder that has them: of a model that is not written to, a copy
 */
export type AddDirections = (folder: string, latent: number, directions: Directions) => Promise<string>;

/** How far the length of a direction may be from 1: float32 numbers written with some digits. */
const tolerance = 1e-3;

/** Attributes that people taught, saved into model folders. */
export class TaughtDirections {
  readonly #library: Library;
  readonly #add: AddDirections;
  /** Two that are saved at once must not lose one. */
  readonly #queue = new Queue();

  constructor(library: Library, add: AddDirections) {
    this.#library = library;
    this.#add = add;
  }

  /** @returns the model as it is then. @throws StudioError in one line; the folder is as before then */
  async add(id: string, directions: Directions): Promise<UsableModel> {
    return this.#queue.run(async () => {
      const { folder, latent } = await this.#library.open(id);
      checkDirections(directions, latent);
      try {
        this.#library.replace(folder, await this.#add(folder, latent, directions));
      } catch (error) {
        throw new StudioError(409, "DISK", `nothing was saved: ${firstLine(error)}`);
      }
      return this.#library.describe(id);
    });
  }
}

function checkDirections(directions: Directions, latent: number): void {
  for (const [name, { vector }] of Object.entries(directions)) {
    const which = `the direction ${JSON.stringify(name)}`;
    if (vector.length !== latent) {
      throw new StudioError(
        400,
        "LATENT",
        `${which} has ${vector.length} numbers, this model's latents have ${latent}`,
      );
    }
    const length = Math.hypot(...vector);
    if (!(Math.abs(length - 1) <= tolerance)) {
      throw new StudioError(
        400,
        "LATENT",
        `${which} has the length ${length}: give a vector of length 1, and unit beside`,
      );
    }
  }
}
