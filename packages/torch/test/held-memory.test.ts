// Alone in its file: cacheMemory() holds for the whole process.
import { cacheMemory, forgetMemory, heldMemory, scope, zeros } from "pioneer-torch";
import { expect, test } from "vitest";

const MiB = 2 ** 20;

test("the most memory that tensors and kept blocks took together is known, and begins anew when asked", () => {
  expect(heldMemory()).toBe(0);
  cacheMemory();
  const before = heldMemory();
  /** So many tensors of one MiB each at once: large blocks. */
  const take = (count: number) =>
    scope(() => {
      for (let i = 0; i < count; i++) zeros([MiB / 4]);
    });
  take(3);
  expect(heldMemory() - before).toBe(3 * MiB);
  // Their blocks are kept and taken again.
  take(2);
  expect(heldMemory() - before).toBe(3 * MiB);
  // What is kept of them together is enough for one as large as all, and for others of other sizes.
  for (const sizes of [[3], [2, 0.5, 0.5]]) {
    scope(() => {
      for (const size of sizes) zeros([size * (MiB / 4)]);
    });
  }
  expect(heldMemory() - before).toBe(3 * MiB);
  forgetMemory();
  expect(heldMemory()).toBe(before);
  take(1);
  expect(heldMemory() - before).toBe(MiB);
});
