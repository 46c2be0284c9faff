// npm run -s bench -- step --phase 4 --batch 8 --json
import { parseArgs } from "node:util";
import { chooseComputing } from "pioneer-networks/torch";
import { timeStep } from "./step.ts";

const usage = `Usage: npm run -s bench -- step [--phase P] [--batch B] [--n N] [--steps S] [--precision auto|bf16|fp32] [--threads T] [--json]

Times whole training steps (one encoder and two generator updates) on random images: median of S (default 5) after one
warm-up. N is the latent dimension and the channels (default 512).

Example: npm run -s bench -- step --phase 4 --batch 8 --json`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    phase: { type: "string", default: "4" },
    batch: { type: "string", default: "8" },
    n: { type: "string", default: "512" },
    steps: { type: "string", default: "5" },
    precision: { type: "string", default: "auto" },
    threads: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const whole = (name: "phase" | "batch" | "n" | "steps", min: number) => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < min) {
    console.error(`bench: --${name} must be a whole number from ${min}, got ${values[name]}`);
    process.exit(2);
  }
  return value;
};

if (values.help || positionals[0] !== "step" || !["auto", "bf16", "fp32"].includes(values.precision)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const threads = values.threads === undefined ? undefined : Number(values.threads);
const computing = chooseComputing({ device: "auto", precision: values.precision as "auto" | "bf16" | "fp32", threads });
const [phase, batch, n, steps] = [whole("phase", 0), whole("batch", 2), whole("n", 2), whole("steps", 1)];
const timing = timeStep({ phase, batch, n, computing, steps });
if (values.json) {
  // The baselines are measured by `make bench`; null is: not measured in this run.
  const { imagesPerSecond, peakRssMiB } = timing;
  const unmeasured = {
    eagerFp32ImagesPerSecond: null,
    ratioToEagerFp32: null,
    ratioToEagerBf16: null,
    shareOfLimit: null,
  };
  console.log(JSON.stringify({ phase, batch, n, imagesPerSecond, ...unmeasured, peakRssMiB }));
} else {
  const spread = timing.secondsPerStep.map((seconds) => seconds.toFixed(2)).join(" ");
  console.log(
    `phase ${phase}, batch ${batch}, n ${n}, ${computing.device} ${computing.precision} (${computing.why}), ${timing.threads} threads`,
  );
  console.log(
    `${timing.imagesPerSecond.toPrecision(3)} images/s, ${timing.tflops.toFixed(2)} TFLOP/s, peak ${timing.peakRssMiB.toFixed(0)} MiB; seconds per step: ${spread}`,
  );
}
process.exit(0);
