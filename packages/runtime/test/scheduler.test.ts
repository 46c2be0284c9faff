import { describe, expect, test } from "vitest";
import { Scheduler } from "../src/scheduler.ts";

/** A task that ends when it is told to. */
function held<T>(result: T) {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { task: () => ended.then(() => result), end };
}

describe("the scheduler", () => {
  test("computes the newest of what waits, always the last, and answers in order", async () => {
    const scheduler = new Scheduler();
    const first = held("first");
    const started: number[] = [];
    const answers: (string | undefined)[] = [];
    const note = (answer: string | undefined) => answers.push(answer);
    const all = [scheduler.newest("drag", first.task).then(note)];
    for (const i of [1, 2, 3, 4]) {
      const task = async () => {
        started.push(i);
        return String(i);
      };
      all.push(scheduler.newest("drag", task).then(note));
    }
    first.end();
    await Promise.all(all);
    expect(started).toEqual([4]);
    expect(answers.filter((answer) => answer !== undefined)).toEqual(["first", "4"]);
    expect(answers).toHaveLength(5);
  });

  test("what is dragged goes before the line, one at a time", async () => {
    const scheduler = new Scheduler();
    const order: string[] = [];
    const log = (name: string) => async () => void order.push(name);
    const first = held(undefined);
    const all: Promise<unknown>[] = [scheduler.inLine(first.task)];
    for (const name of ["wall 1", "wall 2"]) all.push(scheduler.inLine(log(name)));
    all.push(scheduler.newest("drag", log("drag")));
    first.end();
    await Promise.all(all);
    expect(order).toEqual(["drag", "wall 1", "wall 2"]);
  });

  test("a task that fails holds up nothing, and one that was given up is not started", async () => {
    const scheduler = new Scheduler();
    const stop = new AbortController();
    const first = held(undefined);
    const running = scheduler.inLine(first.task);
    const failing = scheduler.inLine(() => Promise.reject(new Error("no")));
    let wasStarted = false;
    const given = scheduler.inLine(async () => {
      wasStarted = true;
    }, stop.signal);
    stop.abort(new Error("not needed"));
    const last = scheduler.inLine(async () => "done");
    first.end();
    await running;
    await expect(failing).rejects.toThrow("no");
    await expect(given).rejects.toThrow("not needed");
    expect(await last).toBe("done");
    expect(wasStarted).toBe(false);
  });
});
