import type { Command } from "commander";
import { z } from "zod";
import { onStopSignals } from "../../base/signals.ts";
import { option, text, whole } from "../../config/option-schema.ts";
import { addCommand } from "../options/options.ts";

const schema = z.strictObject({
  host: option(text("an address of this machine").default("127.0.0.1"), {
    value: "HOST",
    description: "the address that it listens on",
  }),
  port: option(whole(0, 65_535).default(7420), { value: "PORT", description: "the port; 0 takes a free one" }),
});

/** `pioneer studio`: the page, on this machine, until it is stopped. */
export function addStudioCommand(program: Command): void {
  addCommand(program, {
    name: "studio",
    summary: "open a page to edit photos with a model and to watch runs",
    schema,
    examples: ["pioneer studio"],
    async run(options, _args, { output }) {
      const { startStudio } = await import("pioneer-studio");
      const studio = await startStudio(options);
      output.log(`studio     ${studio.address}`);
      await new Promise<void>((resolve) => onStopSignals(() => resolve()));
      await studio.close();
      return undefined;
    },
  });
}
