// Undo and redo of a state that is never changed in place.

export interface History<S> {
  readonly past: readonly S[];
  readonly present: S;
  readonly future: readonly S[];
  /** What is being dragged or held: its changes are one step. */
  readonly gesture: string | undefined;
}

export const begin = <S>(present: S): History<S> => ({ past: [], present, future: [], gesture: undefined });

/** @param gesture all changes with one name, up to `endGesture`, are undone together */
export function change<S>(history: History<S>, next: S, gesture?: string): History<S> {
  const goesOn = gesture !== undefined && gesture === history.gesture;
  return {
    past: goesOn ? history.past : [...history.past, history.present],
    present: next,
    future: [],
    gesture,
  };
}

export const endGesture = <S>(history: History<S>): History<S> => ({ ...history, gesture: undefined });

export function undo<S>(history: History<S>): History<S> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: before,
    future: [history.present, ...history.future],
    gesture: undefined,
  };
}

export function redo<S>(history: History<S>): History<S> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future, gesture: undefined };
}
