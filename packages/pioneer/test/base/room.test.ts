import { expect, test } from "vitest";
import { Room } from "../../src/base/room.ts";

test("work begins in order, as long as what it holds fits; what is larger than all goes alone", async () => {
  const room = new Room(10);
  const [begun, ends]: [number[], ((value?: unknown) => void)[]] = [[], []];
  const all = [4, 6, 1, 25, 2].map((bytes, i) =>
    room.hold(bytes, () => {
      begun.push(i);
      return new Promise((resolve) => {
        ends[i] = resolve;
      });
    }),
  );
  const end = async (i: number) => {
    ends[i]?.();
    await all[i];
    // Whoever waited is let in a few turns later.
    await new Promise(setImmediate);
  };
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1]);
  await end(1);
  // 25 waits for all others, and the last one does not overtake it.
  expect(begun).toEqual([0, 1, 2]);
  await end(2);
  await end(0);
  expect(begun).toEqual([0, 1, 2, 3]);
  await end(3);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  await end(4);
});

test("work that fails gives its room back", async () => {
  const room = new Room(1);
  const failed = room.hold(1, () => Promise.reject(new Error("damaged")));
  const next = room.hold(1, async () => "done");
  await expect(failed).rejects.toThrow("damaged");
  expect(await next).toBe("done");
});
