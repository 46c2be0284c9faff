// What tables of Markdown are made of.

export const none = "not measured";

/** A paragraph in lines of at most 120 columns; a word that is longer has a line of its own. */
export function wrapped(paragraph: string): string {
  const lines: string[] = [];
  for (const word of paragraph.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= 120) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

export const times = (ratio: number | null | undefined) => (typeof ratio === "number" ? `${ratio.toFixed(2)}x` : null);
export const percent = (share: number | null | undefined) =>
  typeof share === "number" ? `${(100 * share).toFixed(0)} %` : null;

/** Three digits, without an exponent. */
export const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
