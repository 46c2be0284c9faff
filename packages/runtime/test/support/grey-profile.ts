// A colour profile of grey levels that are light: ICC.1, built by hand.
import { crc32, deflateSync } from "node:zlib";

/** D50 in XYZ, the white of profiles. */
const d50 = [0.9642, 1, 0.8249];
const fixed = (value: number) => Math.round(65536 * value);

/** A tag's type, four bytes of nothing, and its contents. */
function tag(type: string, ...contents: readonly number[]): Buffer {
  const data = Buffer.alloc(8 + 4 * contents.length);
  data.write(type);
  for (const [i, value] of contents.entries()) data.writeInt32BE(value, 8 + 4 * i);
  return data;
}

/** Grey of which half is half the light: a curve of gamma 1. */
export const linearGrey: Buffer = (() => {
  const words = Object.entries({
    // A description and its two empty translations.
    desc: Buffer.concat([tag("desc", 1), Buffer.alloc(1 + 8 + 3 + 67)]),
    cprt: Buffer.concat([tag("text"), Buffer.from("none")]),
    wtpt: tag("XYZ ", ...d50.map(fixed)),
    kTRC: Buffer.concat([tag("curv", 1), Buffer.from([1, 0, 0, 0])]),
  });
  const padded = words.map(([, data]) => Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]));
  const first = 128 + 4 + 12 * words.length;
  const table = Buffer.alloc(4 + 12 * words.length);
  table.writeUInt32BE(words.length);
  for (const [i, [name, data]] of words.entries()) {
    table.write(name, 4 + 12 * i);
    table.writeUInt32BE(first + Buffer.concat(padded.slice(0, i)).length, 8 + 12 * i);
    table.writeUInt32BE(data.length, 12 + 12 * i);
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(first + Buffer.concat(padded).length);
  header.writeUInt32BE(0x02100000, 8);
  for (const [at, word] of [
    [12, "mntr"],
    [16, "GRAY"],
    [20, "XYZ "],
    [36, "acsp"],
  ] as const)
    header.write(word, at);
  for (const [i, value] of d50.entries()) header.writeInt32BE(fixed(value), 68 + 4 * i);
  return Buffer.concat([header, table, ...padded]);
})();

/** A PNG with a colour profile as its second chunk. */
export function withProfile(png: Buffer, profile: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from("iCCPgrey\0\0", "latin1"), deflateSync(profile)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  const afterHeader = 8 + 25;
  return Buffer.concat([png.subarray(0, afterHeader), length, body, sum, png.subarray(afterHeader)]);
}
