import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memory } from "pioneer-torch";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Tensors that earlier tests forgot, freed now: the collector would take them at any later time. */
async function forgetTheForgotten(): Promise<void> {
  // The callbacks that free them run in later turns of the event loop.
  for (let same = 0, last = memory().tensors; same < 3; ) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    const now = memory().tensors;
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

/** What `work` leaves alive in libtorch, whatever was there before: { tensors: 0, bytes: 0 } where it freed everything. */
export async function leftBehind(work: () => unknown): Promise<{ tensors: number; bytes: number }> {
  await forgetTheForgotten();
  const before = memory();
  await work();
  const after = memory();
  return { tensors: after.tensors - before.tensors, bytes: after.bytes - before.bytes };
}

export const nothing = { tensors: 0, bytes: 0 };
