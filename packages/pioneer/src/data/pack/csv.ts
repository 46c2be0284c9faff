import { parse } from "csv-parse/sync";
import { DataError } from "../../base/errors.ts";

/**
 * Goes through the rows of a CSV, the first line among them; nothing is kept of them. They are separated by commas,
 * semicolons or tabs, whichever the first line has most of; blanks around a cell are no part of it.
 * @param path for messages
 * @throws DataError naming the line: broken quoting, too many or few cells
 */
export function eachRow(text: string, path: string, onRow: (cells: readonly string[]) => void): void {
  const firstLine = firstLineOf(text);
  const delimiter = [",", ";", "\t"].reduce((best, each) =>
    firstLine.split(each).length > firstLine.split(best).length ? each : best,
  );
  // Nothing is returned, so that the parser keeps nothing.
  const onRecord = (cells: string[]): undefined => {
    onRow(cells);
  };
  try {
    parse(text, { bom: true, delimiter, trim: true, skip_empty_lines: true, on_record: onRecord });
  } catch (error) {
    if (error instanceof DataError) throw error;
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new DataError(`${path}: not a CSV with one line a file: ${line}`, { cause: error });
  }
}

/** The line that names the columns, as it stands there. */
export function firstLineOf(text: string): string {
  const [line = ""] = text.split(/\r?\n/, 1);
  return line;
}
