import { existsSync } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { ConfigError, exitCodes, type StopReason } from "../../base/errors.ts";
import { onStopSignals } from "../../base/signals.ts";
import { version } from "../../base/version.ts";
import { option, text, whole } from "../../config/option-schema.ts";
import { addCommand } from "../options/options.ts";

const defaultPort = 7420;
/** Where models are looked for if none is named. */
const defaultModels = "models";

const schema = z.strictObject({
  host: option(text("an address of this machine").default("127.0.0.1"), {
    value: "HOST",
    description: "the address to listen on; on one that others can reach, the link holds a secret token",
  }),
  port: option(whole(0, 65_535).optional(), {
    value: "PORT",
    description: "the port; 0 takes any that is free",
    default: `${defaultPort}, or the next that is free`,
  }),
});

/** `pioneer studio`: the page, served from this machine until it is stopped. */
export function addStudioCommand(program: Command): void {
  addCommand(program, {
    name: "studio",
    summary: "a page to edit photos with a model and to watch runs, served from this machine",
    args: "[model...]",
    schema,
    examples: ["pioneer studio models/faces", "pioneer studio --port 8000"],
    async run({ host, port }, models, { output }) {
      const missing = models.find((model) => !existsSync(model));
      if (missing !== undefined) throw new ConfigError(`${missing}: no such model folder; check the path`);
      const { startStudio } = await import("pioneer-studio");
      const places = models.length > 0 || !existsSync(defaultModels) ? models : [defaultModels];
      const where = { host, port: port ?? defaultPort, portAsked: port !== undefined };
      const stopped = untilStopped();
      const studio = await startStudio({ models: places, ...where, version });
      for (const note of studio.notes) output.log(note);
      output.log(`open ${studio.address} in a browser; Ctrl-C ends it`);
      const reason = await stopped;
      await studio.close();
      output.result({ address: studio.address, reason });
      return exitCodes[reason];
    },
  });
}

const untilStopped = () => new Promise<StopReason>((resolve) => onStopSignals(resolve));
