import { expect, test } from "vitest";
import { Queue } from "../src/queue.ts";

/** A promise and the function that fulfils it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("tasks run one at a time, in order, and one that fails does not hold up the next", async () => {
  const queue = new Queue();
  const events: string[] = [];
  const first = gate();
  const results = [
    queue.run(async () => {
      events.push("first begins");
      await first.opened;
      events.push("first fails");
      throw new Error("no memory");
    }),
    queue.run(async () => {
      events.push("second");
      return 2;
    }),
  ];
  first.open();
  const settled = await Promise.allSettled(results);
  expect(settled.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(events).toEqual(["first begins", "first fails", "second"]);
  expect(await queue.run(async () => 3)).toBe(3);
});

test("an aborted call is rejected at once with the reason; waiting, it never starts; running, the next waits for its end", async () => {
  const queue = new Queue();
  const events: string[] = [];
  const [begun, running, stop] = [gate(), gate(), new AbortController()];
  const first = queue.run(async () => {
    begun.open();
    await running.opened;
    events.push("first ended");
  }, stop.signal);
  const second = queue.run(async () => events.push("second"), stop.signal);
  const third = queue.run(async () => events.push("third"));
  await begun.opened;
  stop.abort(new Error("the user left"));
  await expect(first).rejects.toThrow("the user left");
  await expect(second).rejects.toThrow("the user left");
  expect(events).toEqual([]);
  running.open();
  await third;
  expect(events).toEqual(["first ended", "third"]);
});
