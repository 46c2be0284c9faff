import { describe, expect, test } from "vitest";
import { begin, change, endGesture, redo, undo } from "../../src/page/state/history.ts";

describe("undo and redo", () => {
  test("a gesture is one step, and what comes after undo is forgotten by a change", () => {
    let history = begin(0);
    for (const value of [1, 2, 3]) history = change(history, value, "drag");
    history = change(endGesture(history), 4, "drag");
    expect(history.past).toEqual([0, 3]);
    history = undo(undo(history));
    expect(history.present).toBe(0);
    expect(undo(history)).toBe(history);
    history = redo(history);
    expect(history.present).toBe(3);
    history = change(history, 9);
    expect(redo(history)).toBe(history);
    expect(undo(history).present).toBe(3);
  });

  test("a gesture does not go on after undo", () => {
    let history = change(change(begin(0), 1, "drag"), 2, "drag");
    history = change(undo(history), 5, "drag");
    expect(undo(history).present).toBe(0);
  });
});
