import { create } from "zustand";

/** One line for the person at the page: what went wrong and the mend, or what was done. */
export interface Notice {
  readonly id: number;
  readonly kind: "problem" | "done";
  readonly text: string;
}

/** More than these hide the page. */
const most = 3;

export const useNotices = create<{ readonly list: readonly Notice[] }>(() => ({ list: [] }));

let last = 0;

export function notify(kind: Notice["kind"], text: string): void {
  const id = ++last;
  useNotices.setState(({ list }) => ({
    list: [...list.filter((notice) => notice.text !== text), { id, kind, text }].slice(-most),
  }));
  // What was done needs no answer and goes by itself; a problem stays until it was read.
  if (kind === "done") setTimeout(() => dismiss(id), 4000);
}

export function dismiss(id: number): void {
  useNotices.setState(({ list }) => ({ list: list.filter((notice) => notice.id !== id) }));
}

/** Tells of a failure, unless it is one of stopping. */
export function report(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  notify("problem", error instanceof Error ? error.message : String(error));
}
