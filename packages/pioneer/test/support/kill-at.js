// Preloaded (`node --import`) into a process that writes files. It counts the operations on files from `files.begin` on, and in the
// middle of the one that was asked for
// - kills the process with SIGKILL, or
// - lets nothing more be done to files, which leaves them as a killed process does, and is quicker to try a hundred times.
// A write is half done by then, the removal of a folder has begun, anything else was only asked for. Counted are synchronous
// functions of node:fs, which are all that the writing of a checkpoint uses.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const original = { ...fs };
let done = [];
let end;
let isDead = false;
let depth = 0; // node:fs calls itself

const half = {
  writeSync: (fd, bytes, at = 0, length = bytes.length - at) =>
    original.writeSync(fd, bytes, at, Math.floor(length / 2)),
  writeFileSync: (fd, contents) => original.writeSync(fd, contents.slice(0, contents.length / 2)),
  rmSync: (path) => {
    const [first] = original.existsSync(path) ? original.readdirSync(path) : [];
    if (first !== undefined) original.unlinkSync(join(path, first));
  },
};

const counted =
  "openSync writeSync writeFileSync fsyncSync ftruncateSync renameSync mkdirSync rmSync rmdirSync unlinkSync".split(
    " ",
  );
for (const name of counted) {
  fs[name] = (...given) => {
    if (depth > 0) return original[name](...given);
    depth++;
    try {
      if (done.length === end?.at && !isDead) {
        half[name]?.(...given);
        if (end.really) process.kill(process.pid, "SIGKILL");
        isDead = true;
      }
      if (isDead) throw new Error("dead");
      done.push([name, ...given.filter((each) => typeof each === "string")]);
      return original[name](...given);
    } finally {
      depth--;
    }
  };
}
syncBuiltinESMExports();

globalThis.files = {
  /** @param how `at` which operation to end, from 0, and whether `really`; to its end if left out */
  begin(how) {
    [done, end, isDead] = [[], how, false];
  },
  /** @returns what was done, each with the paths it named */
  finish() {
    const all = done;
    [done, end, isDead] = [[], undefined, false];
    return all;
  },
};
