// What Ctrl-C, SIGTERM, a batch system and a terminal that is closed do to work that would leave something half done.
import { isatty } from "node:tty";
import { exitCodes, StoppedError, type StopReason } from "./errors.ts";
import { onLauncherEnd } from "./launcher.ts";

/** Batch systems send one of the last two before the time of a job is up. */
export const endSignals = ["SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Tells of each signal that asks to stop: Ctrl-C interrupts; SIGTERM, SIGUSR1, SIGUSR2 and the end of an npx that started us
 * terminate, and so does a terminal that is closed. Who has no terminal, as under nohup, asked to be left alone then; Node
 * forgets that nohup ignores the signal.
 * @returns a function that ends the watch
 */
export function onStopSignals(stop: (reason: StopReason) => void): () => void {
  const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));
  const forgetLauncher = onLauncherEnd(() => stop("terminated"));
  const interrupt = () => stop("interrupted");
  const terminate = () => stop("terminated");
  const hangUp = () => {
    forgetLauncher(); // which may well be gone with the terminal
    if (hasTerminal) terminate();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGHUP", hangUp);
  for (const signal of endSignals) process.on(signal, terminate);
  return () => {
    forgetLauncher();
    process.off("SIGINT", interrupt);
    process.off("SIGHUP", hangUp);
    for (const signal of endSignals) process.off(signal, terminate);
  };
}

/** What asks to stop aborts the returned signal, so that work ends in order; a second Ctrl-C ends the process at once. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  onStopSignals((reason) => {
    if (reason === "interrupted" && controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new StoppedError("stopped", reason));
  });
  return controller.signal;
}

/** SIGUSR1 opens Node's debugger to everybody on the machine; from now on it ends the process, as it does other programs. */
export function withoutDebuggerSignal(): void {
  const nothing = () => undefined;
  process.on("SIGUSR1", nothing);
  process.off("SIGUSR1", nothing);
}
