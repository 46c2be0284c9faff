import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemPython } from "../src/python.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const python = await systemPython(); // says so where there is none

test.skipIf(!python)("the baselines compute what the authors' code computed", () => {
  const script = join(repository, "bench", "baselines", "check.py");
  const output = execFileSync((python as { interpreter: string }).interpreter, [
    script,
    join(repository, "fixtures", "reference"),
  ]);
  const worst = JSON.parse(output.toString()) as Record<string, number>;
  // The tolerances of `verify` (fixtures/reference/README.md). In the step, the tuned baseline is compared with the
  // authors' at converged u, where their batch orders agree.
  const tolerances = { generator: 2e-5, encoder: 5e-6, encoderLoss: 1e-5, generatorLosses: 1e-3 };
  const expected = ["authors", "tuned"].flatMap((variant) =>
    Object.keys(tolerances).map((name) => `${variant}/${name}`),
  );
  expect(Object.keys(worst).sort()).toEqual(expected.sort());
  for (const [name, difference] of Object.entries(worst)) {
    expect(difference, name).toBeLessThanOrEqual(tolerances[name.split("/")[1] as keyof typeof tolerances]);
  }
});
