// What Ctrl-C, SIGTERM and a terminal that is closed do to work that would leave something half done.
import { isatty } from "node:tty";
import { exitCodes, StoppedError, type StopReason } from "./errors.ts";

/**
 * Tells of each signal that asks to stop: Ctrl-C interrupts, SIGTERM terminates, and so does a terminal that is closed. Who
 * has no terminal, as under nohup, asked to be left alone then; Node forgets that nohup ignores the signal.
 * @returns a function that ends the watch
 */
export function onStopSignals(stop: (reason: StopReason) => void): () => void {
  const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));
  const handlers = {
    SIGINT: () => stop("interrupted"),
    SIGTERM: () => stop("terminated"),
    SIGHUP: () => hasTerminal && stop("terminated"),
  };
  const signals = Object.keys(handlers) as (keyof typeof handlers)[];
  for (const signal of signals) process.on(signal, handlers[signal]);
  return () => {
    for (const signal of signals) process.off(signal, handlers[signal]);
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
