import { noGrad, RandomGenerator, scope, tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { ImagePool } from "../../src/learner/image-pool.ts";

/** A batch of images [batch, 3, 2, 2], each all of one number, and what comes back for it. */
function exchange(pool: ImagePool, numbers: number[], random: RandomGenerator): number[] {
  return scope(() => {
    const batch = tensor(Float32Array.from(numbers.flatMap((number) => Array<number>(12).fill(number))), [
      numbers.length,
      3,
      2,
      2,
    ]);
    const returned = pool.exchange(batch, pool.draw(numbers.length, random)).toFloat32Array();
    const first = numbers.map((_, i) => returned[12 * i] as number);
    expect(returned).toEqual(Float32Array.from(first.flatMap((number) => Array<number>(12).fill(number))));
    return first;
  });
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const stored = (pool: ImagePool) =>
  pool.images ? Array.from({ length: pool.count }, (_, i) => pool.images?.toFloat32Array()[12 * i] as number) : [];

test("until it is full, every image is stored and returned", () => {
  const pool = new ImagePool(10);
  const random = new RandomGenerator(0);
  expect(exchange(pool, range(0, 4), random)).toEqual(range(0, 4));
  expect(exchange(pool, range(4, 4), random)).toEqual(range(4, 4));
  expect(stored(pool)).toEqual(range(0, 8));
});

test("a batch that fills it begins to swap in the middle", () => {
  const pool = new ImagePool(2);
  const returned = exchange(pool, range(0, 50), new RandomGenerator(1));
  expect(returned.slice(0, 2)).toEqual([0, 1]);
  expect(returned).not.toEqual(range(0, 50));
  expect(pool.count).toBe(2);
});

test("once full, half of the images are swapped with a random stored one; none is lost or doubled", () => {
  const [capacity, rounds, batch] = [20, 250, 8];
  const pool = new ImagePool(capacity);
  const random = new RandomGenerator(2);
  exchange(pool, range(0, capacity), random);
  let before = stored(pool);
  let swapped = 0;
  const places = Array.from({ length: capacity }, () => 0);
  for (let round = 0; round < rounds; round++) {
    const given = range(capacity + round * batch, batch);
    const returned = exchange(pool, given, random);
    const now = stored(pool);
    // Exactly what was there or came in is there or went out.
    const all = (a: number[], b: number[]) => [...a, ...b].sort((x, y) => x - y);
    expect(all(now, returned)).toEqual(all(before, given));
    for (const [i, number] of returned.entries()) if (number !== given[i]) swapped++;
    for (const [place, number] of now.entries()) if (number !== before[place]) places[place] = (places[place] ?? 0) + 1;
    before = now;
  }
  const count = rounds * batch;
  // 4 standard errors of a fair coin, seed 2.
  expect(Math.abs(swapped / count - 0.5)).toBeLessThan((4 * 0.5) / Math.sqrt(count));
  // Each place changes in a round with probability 1 - (1 - 1/40)^8 = 0.183: 4 standard errors of 250 rounds.
  for (const changes of places)
    expect(Math.abs(changes / rounds - 0.183)).toBeLessThan(4 * Math.sqrt((0.183 * 0.817) / rounds));
});

test("what it stores is a copy, and clear() frees it", () => {
  const pool = new ImagePool(3);
  const image = tensor(new Float32Array(12), [1, 3, 2, 2]);
  scope(() => pool.exchange(image, pool.draw(1, new RandomGenerator(3))));
  noGrad(() => image.fill_(7));
  expect(stored(pool)).toEqual([0]);
  const held = pool.images;
  pool.clear();
  expect(pool.count).toBe(0);
  expect(held?.disposed).toBe(true);
});
