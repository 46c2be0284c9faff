import { ModelError } from "./errors.ts";
import type { Session, Sessions } from "./platform.ts";
import type { Queue } from "./queue.ts";

/**
 * A session whose calls wait for each other, and fail once it is released.
 * @param free called once, after the calls before
 */
export function queuedSession(
  queue: Queue,
  compute: (input: Float32Array, shape: readonly number[]) => Promise<Float32Array>,
  free: () => Promise<void>,
): Session {
  let released = false;
  return {
    run: (input, shape, signal) =>
      queue.run(async () => {
        if (released) throw new ModelError("DISPOSED", "this model was disposed of while it computed: load it again");
        return compute(input, shape);
      }, signal),
    release: () =>
      queue.run(async () => {
        if (released) return;
        released = true;
        await free();
      }),
  };
}

/** Frees all networks of a model. */
export async function releaseAll(sessions: Sessions): Promise<void> {
  await Promise.all(Object.values(sessions).map((session) => session.release()));
}
