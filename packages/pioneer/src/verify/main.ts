// npm run verify -- DIR [--device cpu|cuda] [--json]
import { parseArgs } from "node:util";
import { exitCodes } from "../base/errors.ts";

const usage = `Usage: npm run verify -- DIR [--device cpu|cuda] [--json]

Checks the networks and the training step against numbers computed with the authors' code.
DIR holds networks.safetensors, train_step.safetensors and train_step.json (see fixtures/reference/README.md).

Example: npm run verify -- fixtures/reference`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      device: { type: "string", default: "cpu" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return exitCodes.done;
  }
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) {
    console.error(`verify: expected one folder, got ${positionals.length}\n\n${usage}`);
    return exitCodes.usage;
  }
  const { device } = values;
  if (device !== "cpu" && device !== "cuda") {
    console.error(`verify: --device must be cpu or cuda, got ${device}`);
    return exitCodes.usage;
  }
  const { chooseComputing } = await import("../compute/device.ts");
  chooseComputing({ device, precision: "fp32" }); // refuses a device that is not there
  const { verify } = await import("./verify.ts");
  const groups = verify(folder, device);
  const ok = Object.values(groups).every((group) => group.ok);
  if (values.json) {
    const plain = Object.entries(groups).map(([name, { metric, value, tolerance, maxAbs }]) => [
      name,
      // JSON has no infinity.
      { metric, value: Math.min(value, Number.MAX_VALUE), tolerance, maxAbs: Math.min(maxAbs, Number.MAX_VALUE) },
    ]);
    console.log(JSON.stringify({ ok, groups: Object.fromEntries(plain) }));
  } else {
    for (const [name, group] of Object.entries(groups)) {
      const relation = group.metric === "fractionWithin" ? ">=" : "<=";
      console.log(
        `${group.ok ? "ok    " : "FAILED"} ${name.padEnd(16)} ${group.metric.padEnd(14)} ${group.value.toPrecision(4).padStart(10)} ` +
          `(${relation} ${group.tolerance}), largest difference ${group.maxAbs.toExponential(1)} over ${group.tensors} tensors` +
          (group.precision === "fp64" ? ", judged in float64: rounding crosses a kink in float32" : "") +
          (group.ok ? "" : `; worst: ${group.worst}`),
      );
    }
    console.log(
      ok ? "The networks and the training step match the reference." : "The networks do NOT match the reference.",
    );
  }
  return ok ? exitCodes.done : exitCodes.failed;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`verify: ${(error as Error).message}`);
  const wrongOption = String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");
  process.exitCode = wrongOption ? exitCodes.usage : exitCodes.failed;
}
