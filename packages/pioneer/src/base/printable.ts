// Text of somebody else (names of files, labels, splits and sources, messages of libraries) as a terminal or a log may have it.

/**
 * What moves a cursor, changes colours or titles, begins a line, or turns the direction of writing: control characters,
 * separators of lines, marks and overrides of direction, halves of pairs.
 */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

/** A text as one line whose every character is seen: "\u{1b}" for an escape. Told apart from such text by nothing. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);

const mostQuoted = 60;

/** A value of somebody else's file in a message, as JSON writes it: a long one is cut. */
export function quoted(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > mostQuoted ? `${json.slice(0, mostQuoted)}...` : json;
}
