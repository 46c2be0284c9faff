// Command lines in the documentation are ones that the program takes.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/main.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { hourOfTraining } from "../../src/config/hour.ts";
import { type PresetName, presetOptions } from "../../src/config/presets.ts";
import { parseScheduleFile } from "../../src/config/schedule-file.ts";

/** Each with a number of command lines that it has more of. */
const pages = [
  ["README.md", 20],
  ["docs/reproduce.md", 4],
  ["docs/import.md", 4],
  ["docs/editing.md", 4],
  ["docs/refine.md", 4],
  ["docs/recipes.md", 5],
  ["docs/export.md", 2],
  ["docs/studio.md", 2],
  ["docs/metrics.md", 3],
  ["docs/faces128.md", 4],
] as const;
const read = (page: string) => readFileSync(fileURLToPath(new URL(`../../../../${page}`, import.meta.url)), "utf8");

/**
 * Lines of the shell blocks that begin with npx pioneer; one that ends in a backslash goes on. Variables that a block sets are
 * filled in.
 */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.flatMap((block) => {
    const lines = block.replace(/\\\n\s*/g, "").split("\n");
    const variables = lines.flatMap((line) => [...line.matchAll(/^([A-Z]+)="(.*)"$/g)]);
    const filled = (line: string) =>
      variables.reduce((text, [, name = "", value = ""]) => text.replaceAll(`$${name}`, value), line);
    return lines.filter((line) => line.startsWith("npx pioneer ")).map(filled);
  });
}

/** What a shell makes of a line without variables. */
const words = (line: string): string[] =>
  [...line.replace(/\s+#.*$/, "").matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted ?? plain ?? "")
    .slice(2);

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);

/** Parses a line with commands that do nothing. @returns the command it was for @throws what a user would see */
async function parse(line: string): Promise<Command> {
  const program = buildProgram();
  let found: Command | undefined;
  for (const leaf of leaves(program)) {
    leaf.action(() => {
      found = leaf;
    });
  }
  await program.parseAsync(words(line), { from: "user" });
  if (!found) throw new Error(`${line} runs no command`);
  return found;
}

/** What --schedule FILE stands for: the file that docs/recipes.md shows. */
const [, scheduleText = ""] = /^```json\n(.*?)^```$/ms.exec(read("docs/recipes.md")) ?? [];

describe.each(pages)("%s", (page, least) => {
  const lines = commandLines(read(page));

  test("has command lines", () => expect(lines.length).toBeGreaterThan(least));

  test.each(lines.filter((line) => !line.endsWith("--help")))("%s", async (line) => {
    const command = await parse(line);
    const { config: _, preset, resume, ...given } = command.opts<Record<string, unknown>>();
    if (command.name() !== "train" || resume === true) return;
    const own = Object.keys(given).filter((key) => command.getOptionValueSource(key) === "cli");
    const options = Object.fromEntries(own.map((key) => [key, given[key]]));
    if (options.schedule !== undefined) options.schedule = parseScheduleFile(scheduleText, "docs/recipes.md");
    // Values are checked as well, and together.
    expect(() => resolveTrainConfig(preset ? presetOptions(preset as PresetName, options) : options)).not.toThrow();
  });
});

test("a line that the program does not take is noticed", async () => {
  await expect(parse("npx pioneer train --data a.pack --nonsense 3")).rejects.toThrow(/unknown option '--nonsense'/);
  await expect(parse("npx pioneer sample --count")).rejects.toThrow(/argument missing/);
  await expect(parse("npx pioneer dataset prepare celeba/")).rejects.toThrow(/missing required argument/);
});

test("the commands that are printed are those that README.md recommends", async () => {
  const recommended = commandLines(read("README.md")).find((line) => /^npx pioneer train .*--minutes 60 /.test(line));
  const printed = `npx pioneer ${hourOfTraining("photos", "runs/mine")} --resolution 64`;
  const [wanted, found] = [await parse((recommended ?? "").replace("~/photos", "photos")), await parse(printed)];
  expect(found.opts()).toEqual(wanted.opts());
});

test("the table of commands in README.md names each", () => {
  const [, table = ""] = /^\| command \| .*?\n(.*?)\n\n/ms.exec(read("README.md")) ?? [];
  const cells = table.split("\n").map((row) => row.split(" | ")[0] ?? "");
  // One row has `dataset prepare`, `info` and `dump`.
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(?:dataset )?([a-z]+)`/g)].map(([, name]) => name));
  expect(named.sort()).toEqual(
    leaves(buildProgram())
      .map((command) => command.name())
      .sort(),
  );
});

describe("the tables of options in docs/reproduce.md", () => {
  const rows = read("docs/reproduce.md")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

  test("name only options of ours in the second column", () => {
    const flags = new Set(leaves(buildProgram()).flatMap(({ options }) => options.map(({ long }) => long)));
    const named = rows.flatMap(([, ours = ""]) => ours.match(/--[a-z-]+/g) ?? []);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((flag) => !flags.has(flag))).toEqual([]);
  });

  // The arguments of src/config.py at 9f7f3ec and pioneer/config.py at 51f5808.
  const theirs =
    "train_path test_path aux_inpath aux_outpath testonly phase_offset step_offset data KL match_x_metric match_z_metric noise " +
    "summary_dir save_dir no_TB start_iteration lr use_ALQ images_per_stage matching_phase_x force_alpha start_phase max_phase " +
    "reset_optimizers checkpoint_cycle total_kimg manual_seed no_progression dump_trainingset_N dump_trainingset_dir " +
    "interpolate_N reconstructions_N sample_N z_inpath x_outpath noSNG PN EQLR noSCHED realm boostreco upsampling n_generator " +
    "mgpu no_load_SNU hexmode m e_last_relu sample_dir";

  test.each(theirs.split(" "))("have the authors' --%s", (name) => {
    expect(rows.filter(([first = ""]) => first.split(/[`, ]+/).includes(`--${name}`))).toHaveLength(1);
  });
});
