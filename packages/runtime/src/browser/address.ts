import { ModelError } from "../errors.ts";

/**
 * The whole address of a place that is relative to the page, its <base> if it has one, or the worker.
 * @throws ModelError OPTION where nothing can be relative: a worker made of a blob has no address of its own
 */
export function addressOf(place: string | URL): string {
  try {
    return new URL(place, globalThis.document?.baseURI ?? globalThis.location.href).href;
  } catch (error) {
    throw new ModelError("OPTION", `"${place}" is no address here: give the whole one, with https://`, {
      cause: error,
    });
  }
}
