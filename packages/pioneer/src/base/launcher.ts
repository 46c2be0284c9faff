// npx starts a shell that starts this program, and passes no signal on: who ends npx ends a shell, and nobody tells us.
import { readFileSync } from "node:fs";

/** Milliseconds between two looks at who is there. */
const lookMs = 500;

/**
 * Tells once that the npx that started this program is gone: it was asked to end, and this program was meant.
 * @param env of the process
 * @returns a function that ends the watch; nothing is watched without npx
 */
export function onLauncherEnd(end: () => void, env: NodeJS.ProcessEnv = process.env): () => void {
  if (env.npm_lifecycle_event !== "npx") return () => {};
  const before = launchers();
  let gone = 0;
  const timer = setInterval(() => {
    gone = launchers() === before ? 0 : gone + 1;
    // A hangup that ended npx has come to us as well by the second look, and says itself what is to be done.
    if (gone < 2) return;
    clearInterval(timer);
    end();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** The processes between us and who called npx: the shell and, where the system tells, npm. */
const launchers = () => `${process.ppid} ${parentOf(process.ppid) ?? ""}`;

function parentOf(pid: number): number | undefined {
  try {
    // The name in brackets may hold anything.
    return Number(/^.*\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}
