// Which file imports which, types included, read from the import and export statements themselves.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Import {
  /** Paths relative to the folder that was read. */
  readonly from: string;
  readonly to: string;
}

const comments = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
// The formatter puts statements at the beginning of a line.
const statements = [
  /^(?:import|export)\s[^"'=();]*?\bfrom\s*"([^"]+)"/gm,
  /^import\s*"([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"\s*\)/g,
];

/** What a source text names in its imports, `export … from`, `import()` and `typeof import()`. */
export function specifiersOf(source: string): string[] {
  const code = source.replace(comments, "");
  return statements.flatMap((statement) => [...code.matchAll(statement)].map((match) => match[1] as string));
}

/** All TypeScript files under a folder, with what they name. */
export function readSources(root: string): Map<string, string[]> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(files.sort().map((file) => [file, specifiersOf(readFileSync(join(root, file), "utf8"))]));
}

/** The imports between the files of a folder. @throws Error for a path that leads to no file */
export function importsOf(root: string): Import[] {
  return [...readSources(root)].flatMap(([from, specifiers]) =>
    specifiers
      .filter((name) => name.startsWith("."))
      .map((name) => {
        const path = join(root, dirname(from), name);
        if (!existsSync(path)) throw new Error(`${from} imports ${name}, which is no file`);
        return { from, to: relative(root, path) };
      }),
  );
}

/**
 * The shortest circle of a graph, as its nodes in order, the first again at the end; undefined where there is none. A
 * node that leads to itself is no circle.
 */
export function circleOf(edges: readonly { readonly from: string; readonly to: string }[]): string[] | undefined {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  return [...next.keys()]
    .map((start) => wayBack(start, next))
    .filter((way) => way !== undefined)
    .sort((a, b) => a.length - b.length)[0];
}

/** The shortest way from a node to itself. */
function wayBack(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const to of next.get(node) ?? []) {
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, node);
      queue.push(to);
    }
    if (!cameFrom.has(start)) continue;
    const way = [start];
    do way.unshift(cameFrom.get(way[0] as string) as string);
    while (way[0] !== start);
    return way;
  }
  return undefined;
}
