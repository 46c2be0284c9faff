import { describe, expect, test } from "vitest";
import { NameTable } from "../../../src/data/pack/names.ts";

/** A block holds 4,096 names: none, one less, as many, one more, and several blocks. */
const counts = [0, 1, 4095, 4096, 4097, 20_000];
const namesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => (i % 7 === 3 ? "" : `${i} Ää 日本 ${"№".repeat(i % 50)}`));

describe.each(counts)("%i names", (count) => {
  const names = namesOf(count);

  test("come back in their order, one by one and all", () => {
    const table = NameTable.from(names);
    expect(table.length).toBe(count);
    expect([...table]).toEqual(names);
    for (const index of [-1, count, 0.5]) expect(() => table.at(index)).toThrow(`no name ${index} of ${count}`);
  });

  test("are found in one text by their lengths, and more can follow", () => {
    const lengths = Uint32Array.from(names, (name) => Buffer.byteLength(name));
    const table = NameTable.fromUtf8(Buffer.from(names.join("")), lengths);
    expect([...table]).toEqual(names);
    table.push("last");
    expect([table.length, table.at(count)]).toEqual([count + 1, "last"]);
    if (count > 0) expect(table.at(count - 1)).toBe(names[count - 1]);
  });
});
