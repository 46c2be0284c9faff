// What Ctrl-C and SIGTERM do to work that would leave something half done.
import { exitCodes, StoppedError } from "./errors.ts";

/** Ctrl-C and SIGTERM abort the returned signal, so that work ends in order; a second Ctrl-C ends the process at once. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new StoppedError("stopped", "interrupted"));
  });
  process.on("SIGTERM", () => controller.abort(new StoppedError("stopped", "terminated")));
  return controller.signal;
}

/**
 * Does something before a signal ends the process, which it does where nobody else handles that signal.
 * @returns a function that ends the watch
 */
export function beforeSignalsEnd(work: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const handle = (signal: NodeJS.Signals) => {
    work();
    forget();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const forget = () => {
    for (const signal of signals) process.off(signal, handle);
  };
  for (const signal of signals) process.on(signal, handle);
  return forget;
}
