import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import type { Studio } from "pioneer-studio";
import { z } from "zod";
import { ConfigError, DataError, exitCodes, type StopReason } from "../../base/errors.ts";
import { formatBytes } from "../../base/format.ts";
import { shellWord } from "../../base/shell-word.ts";
import { onStopSignals } from "../../base/signals.ts";
import { version } from "../../base/version.ts";
import { option, text, toggle, whole } from "../../config/option-schema.ts";
import { shippedModels } from "../../models/shipped.ts";
import { addCommand } from "../options/options.ts";
import type { Output } from "../output/report.ts";

const defaultPort = 7420;
/** Where models are looked for if none is named. */
const defaultModels = "models";

const schema = z.strictObject({
  runs: option(text("a folder").default("runs"), {
    value: "DIR",
    description: "the folder of runs to watch, and to start new ones in",
  }),
  host: option(text("an address of this machine").default("127.0.0.1"), {
    value: "HOST",
    description: "the address to listen on; on one that others can reach, the link holds a secret token",
  }),
  port: option(whole(0, 65_535).optional(), {
    value: "PORT",
    description: "the port; 0 takes any that is free",
    default: `${defaultPort}, or the next that is free`,
  }),
  open: option(toggle().default(true), { description: "do not open the page in a browser" }),
  build: option(text("a folder for the site").optional(), {
    value: "DIR",
    description: "serve nothing: write the page and the models as a site for any host of files",
  }),
});
type Options = z.infer<typeof schema>;

/** `pioneer studio`: the page, served from this machine until it is stopped, or as a site. */
export function addStudioCommand(program: Command): void {
  addCommand(program, {
    name: "studio",
    summary: "a page to edit photos with a model and to watch runs, served from this machine",
    args: "[model...]",
    schema,
    examples: ["studio models/faces", "studio --runs runs --port 8000", "studio models/faces --build site"],
    async run(options, given, { output }) {
      const missing = given.find((model) => !existsSync(model));
      if (missing !== undefined) throw new ConfigError(`${missing}: no such model folder; check the path`);
      const models = given.length > 0 ? given : await modelsHere();
      return options.build === undefined ? serve(options, models, output) : build(options.build, models, output);
    },
  });
}

/** Those of the user, if there are any, and those in the box. */
async function modelsHere(): Promise<string[]> {
  const { folderInUse } = await import("../../models/shipped-copy.ts");
  const own = existsSync(defaultModels) ? [defaultModels] : [];
  return [...own, ...(await Promise.all(shippedModels.map(folderInUse)))];
}

async function serve(options: Options, models: readonly string[], output: Output): Promise<number> {
  const stopped = new Promise<StopReason>((resolve) => onStopSignals(resolve));
  const studio = await start(options, models, output);
  for (const note of studio.notes) output.log(note);
  output.log(`${studio.address} shows the studio; Ctrl-C ends it`);
  if (options.open && output.stream.isTTY) (await import("../output/open-page.ts")).openPage(studio.address);
  const reason = await stopped;
  await studio.close();
  output.result({ address: studio.address, reason });
  return exitCodes[reason];
}

async function start({ runs, host, port }: Options, models: readonly string[], output: Output): Promise<Studio> {
  const { startStudio } = await import("pioneer-studio");
  const { defaultCacheDir } = await import("../../base/cache-dir.ts");
  const { addDirections, directionsFileName } = await import("../../directions/file.ts");
  const { writableFolder } = await import("../../models/shipped-copy.ts");
  return startStudio({
    models,
    runs,
    host,
    port: port ?? defaultPort,
    portAsked: port !== undefined,
    pioneer: [process.execPath, process.argv[1] ?? "pioneer"],
    async addDirections(folder, latent, directions) {
      const kept = await writableFolder(folder);
      await addDirections(join(kept, directionsFileName), latent, directions);
      if (kept !== folder) {
        const names = Object.keys(directions).join(", ");
        output.log(
          `${basename(folder)} is a model in the box and stays as it is: ${names} is kept in ${kept}, for edit --model ${shellWord(kept)}`,
        );
      }
      return kept;
    },
    cache: join(defaultCacheDir(), "studio"),
    version,
  });
}

async function build(out: string, models: readonly string[], output: Output): Promise<number> {
  const { writeSite } = await import("pioneer-studio");
  const { writeFolderBeside } = await import("../../base/whole-folder.ts");
  await checkPlace(out);
  const site = await writeFolderBeside(out, (folder) => writeSite(folder, { models, version }));
  output.log(`wrote ${out}: the page with ${site.models.join(", ")}, ${formatBytes(site.modelBytes)}`);
  output.log(`next: npx serve ${shellWord(out)}, or copy it to any host of files`);
  output.result({ folder: out, ...site });
  return exitCodes.done;
}

/** A site gives way to a new one, nothing else does. @throws DataError */
async function checkPlace(out: string): Promise<void> {
  const names = existsSync(out) ? await readdir(out).catch(() => undefined) : [];
  if (names === undefined) throw new DataError(`${out} is a file: give --build the name of a new folder`);
  if (names.length > 0 && !names.includes("studio.json")) {
    throw new DataError(`${out} holds something that is no site: give --build the name of a new folder`);
  }
}
