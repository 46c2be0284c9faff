// Files and folders on their way to their place: they go with a signal that ends the process, and what a killed one left
// goes when somebody writes there again.
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { endSignals } from "./signals.ts";
import { hasEnded } from "./system-error.ts";

/** By path; what else is to end with it. */
const unfinished = new Map<string, (() => void) | undefined>();
const signals = ["SIGINT", "SIGHUP", ...endSignals] as const;

/** Where somebody else hears the signal, the work ends in order and takes its files along itself. */
function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  for (const [path, before] of unfinished) {
    before?.();
    rmSync(path, { recursive: true, force: true });
  }
  for (const each of signals) process.off(each, end);
  process.kill(process.pid, signal);
}

/**
 * Removes a file or folder where a signal ends the process meanwhile.
 * @param before what ends who writes it
 * @returns a function that ends the watch
 */
export function whileUnfinished(path: string, before?: () => void): () => void {
  if (unfinished.size === 0) for (const signal of signals) process.on(signal, end);
  unfinished.set(path, before);
  return () => {
    if (!unfinished.delete(path) || unfinished.size > 0) return;
    for (const signal of signals) process.off(signal, end);
  };
}

/** Who writes, as names of files say it: the machine and the process. */
const machine = hostname().replace(/[^\w.]/g, "_");
const self = `${machine}-${process.pid}`;
let made = 0;

/** A name that nobody else gives a file. */
export const nameOfUnfinished = (): string => `.pioneer-${self}-${made++}.part`;

/** What comes before the random end of a folder's name that is to become `target`. */
export const prefixOfUnfinished = (target: string): string => `${target}.writing-${self}-`;

const filePattern = /^\.pioneer-([\w.]+)-(\d+)-\d+\.part$/;
const folderPattern = /^\.writing-([\w.]+)-(\d+)-\w{6}(\.replaced)?$/;
/** Whether a process of another machine still writes cannot be asked; a day is long enough for any file. */
const longestSeconds = 24 * 3600;

const swept = new Set<string>();

/** Removes what killed processes left of files in a folder; once for each folder. */
export function removeLeftovers(folder: string): void {
  const place = resolve(folder);
  if (swept.has(place)) return;
  swept.add(place);
  for (const name of namesIn(place)) {
    const [, host, pid] = filePattern.exec(name) ?? [];
    if (host && isLeft(join(place, name), host, Number(pid))) rmSync(join(place, name), { force: true });
  }
}

/** Removes what killed processes left of a folder; the one they were replacing comes back where it is missing. */
export function recoverFolder(target: string): void {
  const place = dirname(resolve(target));
  const own = basename(resolve(target));
  for (const name of namesIn(place).filter((each) => each.startsWith(own))) {
    const [, host, pid, replaced] = folderPattern.exec(name.slice(own.length)) ?? [];
    const path = join(place, name);
    if (!host || !isLeft(path, host, Number(pid))) continue;
    if (replaced && !existsSync(target)) renameSync(path, target);
    else rmSync(path, { recursive: true, force: true });
  }
}

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // what may not be listed is left alone
  }
};

function isLeft(path: string, host: string, pid: number): boolean {
  if (host !== machine) {
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
    return Date.now() - mtimeMs > 1000 * longestSeconds;
  }
  return hasEnded(pid);
}
