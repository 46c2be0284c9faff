// Processors that OpenBLAS is told of, as /proc/cpuinfo describes them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openblasCore } from "../src/openblas.ts";
import { compilePackage, run } from "./support/node.ts";

const avx512 = "sse2 avx avx2 fma avx512f avx512cd avx512bw avx512dq avx512vl";
const cpuinfo = (vendor: string, family: number, model: number, flags: string) =>
  `processor\t: 0\nvendor_id\t: ${vendor}\ncpu family\t: ${family}\nmodel\t\t: ${model}\nmodel name\t: ${vendor} 9\nflags\t\t: ${flags}\n`;

test.each([
  ["Intel Emerald Rapids", cpuinfo("GenuineIntel", 6, 207, avx512), "SKYLAKEX"],
  ["Intel Raptor Lake", cpuinfo("GenuineIntel", 6, 183, "sse2 avx avx2 fma"), "HASWELL"],
  ["AMD Zen 5", cpuinfo("AuthenticAMD", 26, 2, avx512), "SKYLAKEX"],
  ["Emerald Rapids whose virtual machine hides vectors", cpuinfo("GenuineIntel", 6, 207, "sse2"), undefined],
  ["Intel Sapphire Rapids", cpuinfo("GenuineIntel", 6, 143, avx512), undefined],
  ["Intel Ice Lake", cpuinfo("GenuineIntel", 6, 106, avx512), undefined],
  ["AMD Zen 4", cpuinfo("AuthenticAMD", 25, 17, avx512), undefined],
  ["an ARM processor", "processor\t: 0\nBogoMIPS\t: 50.00\n", undefined],
])("%s", (_, text, core) => {
  expect(openblasCore(text)).toBe(core);
});

/** What OpenBLAS says when libtorch is loaded; undefined where libtorch has another library. */
async function coreTaken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const script = `await import("./index.js"); console.log(process.env.OPENBLAS_CORETYPE);`;
  const { stdout, stderr } = await run(folder, script, [], { OPENBLAS_VERBOSE: "2", ...env });
  expect(stdout.trim()).toBe(String(env.OPENBLAS_CORETYPE));
  return /^Core: (\w+)$/m.exec(stderr)?.[1]?.toUpperCase();
}
const folder = compilePackage();

test("OpenBLAS is told before libtorch is loaded, unless the user has told it; the environment stays as it was", async ({
  skip,
}) => {
  const asked = await coreTaken({ OPENBLAS_CORETYPE: "NEHALEM" });
  skip(asked === undefined, "libtorch is without OpenBLAS");
  expect(asked).toBe("NEHALEM");
  const wanted = openblasCore(readFileSync("/proc/cpuinfo", "utf8"));
  const taken = await coreTaken({ OPENBLAS_CORETYPE: undefined });
  if (wanted) expect(taken).toBe(wanted);
});

test("where /proc may not be read libtorch loads without being told, and no instructions are promised", async () => {
  const preload = join(folder, "no-cpuinfo.cjs");
  writeFileSync(
    preload,
    `const fs = require("node:fs");
     const { readFileSync } = fs;
     fs.readFileSync = (path, ...rest) => {
       if (path === "/proc/cpuinfo") throw new Error("EACCES: permission denied, open '/proc/cpuinfo'");
       return readFileSync(path, ...rest);
     };
     require("node:module").syncBuiltinESMExports();`,
  );
  const script = `import { capabilities } from "./index.js"; console.log(JSON.stringify(capabilities().cpuBf16));`;
  const outcome = await run(folder, script, ["--require", preload], { OPENBLAS_CORETYPE: undefined });
  expect(outcome).toMatchObject({ code: 0, stdout: "[]\n" });
});
