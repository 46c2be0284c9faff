// Before `npm pack`: builds dist/, and from it
// - dist/pioneer-runtime.browser.js, the whole package in one file for pages without a bundler, and its worker in another,
//   dist/pioneer-runtime.worker.js. ONNX Runtime stays apart (an import map names it): its threads start from its own file
// - dist/cjs/, the same for `require`, with types that TypeScript takes for CommonJS: for jest, and moduleResolution node
//   and node16
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-b"], { cwd: root, stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(status ?? 1);

const cjs = join(dist, "cjs");
rmSync(cjs, { recursive: true, force: true });
await write("browser.js", "pioneer-runtime.browser.js", { format: "es", minify: true });
await write("browser/worker.js", "pioneer-runtime.worker.js", { format: "es", minify: true });
// jest knows no import() unless it is asked to. Its environment jsdom takes the page's; bundlers take the modules.
for (const entry of ["index.js", "browser.js"]) {
  await write(entry, `cjs/${entry}`, { format: "cjs", dynamicImportInCjs: false });
}
for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (file.endsWith(".d.ts") && !file.startsWith("cjs")) cpSync(join(dist, file), join(cjs, file));
}
writeFileSync(join(cjs, "package.json"), '{ "type": "commonjs" }\n');

async function write(entry, file, options) {
  const isCommonJs = options.format === "cjs";
  const worker = isCommonJs ? "../pioneer-runtime.worker.js" : "./pioneer-runtime.worker.js";
  const bundle = await rolldown({
    input: join(dist, entry),
    external: isCommonJs ? [/^(onnxruntime-|sharp$|zod)/] : [/^onnxruntime-web/],
    platform: entry === "index.js" ? "node" : "browser",
    // What import.meta would tell in a page, code without modules does without.
    checks: { emptyImportMeta: false },
    plugins: [{ name: "worker", transform: (code) => code.replace("./worker.js", worker) }],
  });
  await bundle.write({ file: join(dist, file), codeSplitting: false, ...options });
  await bundle.close();
}
