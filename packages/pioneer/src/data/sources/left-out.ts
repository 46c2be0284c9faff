// What lies among photos without being one of them: what programs leave behind, masks of published sets, and our own runs.

/** Folders that are no part of a set, by their names in lower case, with what is in them. */
const knownFolders: ReadonlyMap<string, string> = new Map([
  ["@eadir", "thumbnails of a Synology"],
  ["@__thumb", "thumbnails of a QNAP"],
  ["#recycle", "deleted files"],
  ["@recycle", "deleted files"],
  ["$recycle.bin", "deleted files"],
  ["#snapshot", "older versions of files"],
  ["celebamask-hq-mask-anno", "masks of CelebAMask-HQ, a black and white picture for each part of a face"],
]);

/** Files beside config.json that a run or a model folder has, and a folder of photos has not; the folder, with its slash. */
const ownFile = /^(.*\/)(?:checkpoint-\d+(?:\.\d+)?\/state\.json|stats\.jsonl|generator\.onnx)$/s;
const ownConfig = /^(.*\/)config\.json$/s;

/** Tells what is left out of a source from the rest of its files. */
export interface LeftOut {
  /** @param name a path inside the source */
  readonly has: (name: string) => boolean;
  /** What was left out, in lines. */
  readonly notes: readonly string[];
}

/**
 * Looks through the files of a source.
 * @param names paths inside it, with forward slashes; gone through twice or more
 */
export function findLeftOut(names: Iterable<string>): LeftOut {
  const own = ownFolders(names);
  const counts = new Map<string, number>();
  for (const name of names) {
    const key = keyOf(name, own);
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return {
    has: (name) => keyOf(name, own) !== undefined,
    notes: [...counts].map(([key, count]) => `left out: ${count} ${count === 1 ? "file" : "files"} in ${key}`),
  };
}

/** Of what it is left out, in words. */
function keyOf(name: string, own: readonly string[]): string | undefined {
  const mine = own.find((folder) => name.startsWith(folder));
  if (mine !== undefined) return `${mine}, a run or model of this program`;
  const folders = name.split("/").slice(0, -1);
  const known = folders.find((folder) => knownFolders.has(folder.toLowerCase()));
  return known === undefined ? undefined : `folders named ${known} (${knownFolders.get(known.toLowerCase())})`;
}

/** Runs and model folders, each with its slash; the source itself is none, whatever it holds. */
function ownFolders(names: Iterable<string>): string[] {
  const [withConfig, withMore] = [new Set<string>(), new Set<string>()];
  for (const name of names) {
    const config = ownConfig.exec(name)?.[1];
    if (config !== undefined) withConfig.add(config);
    const more = ownFile.exec(name)?.[1];
    if (more !== undefined) withMore.add(more);
  }
  return [...withMore].filter((folder) => withConfig.has(folder));
}
