// Damage as accidents and as people who mean harm do it, drawn by fast-check.
import fc from "fast-check";

/** A place in a file as a share of it; half of all places are where the structure is, in its first bytes. */
const place = fc.record({
  near: fc.boolean(),
  share: fc.integer({ min: 0, max: 9999 }).map((share) => share / 10_000),
});
const edit = fc.oneof(
  fc.record({ do: fc.constant("flip"), at: place, value: fc.nat(7) }),
  fc.record({ do: fc.constant("cut"), at: place, value: fc.nat(1) }),
  fc.record({ do: fc.constant("number"), at: place, value: fc.nat(11) }),
  fc.record({ do: fc.constant("text"), at: place, value: fc.nat(9) }),
  fc.record({ do: fc.constant("copy"), at: place, value: fc.nat(4096) }),
  fc.record({ do: fc.constant("fill"), at: place, value: fc.nat(255) }),
);
type Edit = Readonly<{ do: string; at: Readonly<{ near: boolean; share: number }>; value: number }>;

/** Which of the files, and what is done to it. */
export const damage = (files: number): fc.Arbitrary<{ file: number; edits: Edit[] }> =>
  fc.record({ file: fc.nat(files - 1), edits: fc.array(edit, { minLength: 1, maxLength: 5 }) });

/** What whole numbers of 32 and of 64 bits are tried, in both orders of bytes. */
const extremes = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 2n ** 62n];
/** What stands in the place of a number in a text. */
const texts = [
  "0",
  "-1",
  "1e308",
  "1e999",
  "2147483648",
  "9007199254740993",
  "0.5",
  "null",
  '"\\u001b[2J\\n"',
  "[".repeat(5000),
];

/** A damaged copy. */
export function damaged(whole: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce<Buffer>((bytes, { do: kind, at, value }) => {
    if (bytes.length === 0) return bytes;
    const offset = Math.min(
      bytes.length - 1,
      Math.floor(at.share * (at.near ? Math.min(512, bytes.length) : bytes.length)),
    );
    const changed = Buffer.from(bytes);
    if (kind === "flip") changed[offset] = (changed[offset] as number) ^ (1 << value);
    if (kind === "cut") return changed.subarray(0, offset);
    if (kind === "number") writeNumber(changed, offset, value);
    if (kind === "text") return replaceNumber(changed, offset, texts[value] as string);
    if (kind === "copy") changed.copy(changed, offset, value % changed.length, (value % changed.length) + 64);
    if (kind === "fill") changed.fill(value, offset, Math.min(changed.length, offset + 16));
    return changed;
  }, whole);
}

function writeNumber(bytes: Buffer, offset: number, value: number): void {
  const [number, isLittle] = [extremes[value % extremes.length] as bigint, value < extremes.length];
  const wide = Buffer.alloc(8);
  if (isLittle) wide.writeBigUInt64LE(number);
  else wide.writeBigUInt64BE(number);
  wide.copy(bytes, offset);
}

/** The next number in a text from a place on becomes another. */
function replaceNumber(bytes: Buffer, offset: number, text: string): Buffer {
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;
  let from = offset;
  while (from < bytes.length && !isDigit(bytes[from])) from++;
  let to = from;
  while (isDigit(bytes[to])) to++;
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(text), bytes.subarray(to)]);
}
