import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { diskError } from "../../base/disk.ts";
import { option, toggle } from "../../config/option-schema.ts";
import { isModelFolder } from "../../models/model-folder.ts";
import { addCommand } from "../options/options.ts";
import { describeModelFolder } from "../output/describe-model.ts";
import { describePack } from "../output/describe-pack.ts";
import { describeRunFolder } from "../output/describe-run.ts";
import type { Description } from "../output/description.ts";

/** `pioneer info`: what a path is, or what this machine has. */
export function addInfoCommand(program: Command): void {
  addCommand(program, {
    name: "info",
    summary: "what a run, checkpoint, model or pack is; without PATH, what this machine trains with",
    args: "[path]",
    schema: z.strictObject({
      verify: option(toggle().default(false), {
        description: "also read a pack, model or checkpoint (of a run the newest) whole and compare its checksums",
      }),
    }),
    examples: ["info runs/faces", "info faces.pack --verify", "info"],
    async run({ verify }, [path], { output }) {
      const { value, lines } = path === undefined ? await describeMachine() : await describePath(path, verify);
      for (const line of lines) output.log(line);
      output.result(value);
      return undefined;
    },
  });
}

async function describePath(path: string, verify: boolean): Promise<Description> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw diskError(error, path);
    },
  );
  if (!isFolder) return describePack(path, verify);
  return (await isModelFolder(path)) ? describeModelFolder(path, verify) : describeRunFolder(path, verify);
}

async function describeMachine(): Promise<Description> {
  const { describeDevice } = await import("../../train/describe-device.ts");
  const { defaultCacheDir } = await import("../../base/cache-dir.ts");
  const { lines, ...device } = await describeDevice();
  const cache = defaultCacheDir();
  return {
    value: { kind: "machine", node: process.version, ...device, cache },
    lines: [
      `libtorch   ${device.libtorch}, Node ${process.version}`,
      `device     ${device.cuda ?? `cpu (${device.cpu})`}`,
      `precision  ${device.precision} (${device.why})`,
      ...lines.map((line) => `           ${line}`),
      `threads    ${device.threads}`,
      `cache      ${cache}`,
    ],
  };
}
