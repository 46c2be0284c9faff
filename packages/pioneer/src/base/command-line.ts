// How this program is started where the user stands, so that a command in a message can be pasted.
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { shellWord } from "./shell-word.ts";

const bin = fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url));

/** What tells how programs are found. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * A command of ours as a shell takes it here.
 * @param rest what follows `pioneer`, its words quoted where they have to be
 */
export const commandLine = (rest: string, here: Surroundings = { cwd: process.cwd(), env: process.env }): string =>
  `${programWords(here)} ${rest}`;

/** "pioneer" if that is ours on the PATH, "npx pioneer" where npx finds it, else Node and the file. */
function programWords({ cwd, env }: Surroundings): string {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  // What npm puts on the PATH of what it starts is not on the PATH of who started npm.
  const ofNpm = env.npm_command !== undefined ? join("node_modules", ".bin") : undefined;
  const onPath = folders
    .filter((folder) => ofNpm === undefined || !folder.endsWith(sep + ofNpm))
    .map((folder) => join(folder, "pioneer"))
    .find((file) => existsSync(file));
  if (onPath !== undefined && isOurs(onPath)) return "pioneer";
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, "node_modules", ".bin", "pioneer");
    if (existsSync(file)) return isOurs(file) ? "npx pioneer" : ofNode();
    if (folder === dirname(folder)) return ofNode();
  }
}

const isOurs = (file: string) => realpathSync(file) === realpathSync(bin);
const ofNode = () => `node ${shellWord(bin)}`;

/** Goes on with a run from its newest checkpoint. */
export const resumeCommand = (run: string): string => commandLine(`train --run ${shellWord(run)} --resume`);
