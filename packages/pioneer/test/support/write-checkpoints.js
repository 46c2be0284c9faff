// Writes a checkpoint as training does, removes the one before, and writes it once more in its own place, with another content:
// in a copy of a run to its end, in others to one operation on files after the other.
//   node --import ./kill-at.js write-checkpoints.js '{"dist": URL, "folder": where runs are, "facts": of the checkpoint}'
//   ... '{..., "run": path, "at": number}'   in that run, and is really killed there
// Prints what it did to files.
import { cpSync } from "node:fs";
import { join } from "node:path";

const { dist, folder, facts, run, at } = JSON.parse(process.argv[2]);
const own = (path) => import(`${dist}/${path}`);
const [{ writeCheckpoint }, { pruneCheckpoints }, { createLearner }, { accv2018 }, { stream }] = await Promise.all(
  [
    "checkpoint/checkpoint.js",
    "checkpoint/files.js",
    "learner/learner.js",
    "config/recipe.js",
    "compute/streams.js",
  ].map(own),
);
const learners = [1, 2].map((seed) =>
  createLearner(accv2018, { latent: 2, channels: 2 }, 0.001, stream(seed, "weights")),
);

function write(run, how) {
  globalThis.files.begin(how);
  try {
    for (const learner of learners) {
      writeCheckpoint(run, learner, facts);
      pruneCheckpoints(run, 1);
    }
  } catch (error) {
    if (error.message !== "dead") throw error;
  }
  return globalThis.files.finish();
}

if (run) {
  write(run, { at, really: true });
  process.exit(0); // the operation came to its end before the signal
}
const copy = (name) => {
  cpSync(join(folder, "before"), join(folder, name), { recursive: true });
  return join(folder, name);
};
const done = write(copy("never"));
for (const at of done.keys()) write(copy(`at-${at}`), { at });
console.log(JSON.stringify(done));
process.exit(0);
