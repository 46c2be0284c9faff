// Before `npm pack`: builds dist/, and from it the whole package in one file for pages without a bundler,
// dist/pioneer-runtime.browser.js, and its worker in another, dist/pioneer-runtime.worker.js. ONNX Runtime stays apart (an
// import map names it): its threads start from its own file.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-b"], { cwd: root, stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(status ?? 1);

for (const [input, name] of [
  ["browser.js", "browser"],
  ["browser/worker.js", "worker"],
]) {
  const bundle = await rolldown({
    input: join(root, "dist", input),
    external: [/^onnxruntime-web/],
    plugins: [{ name: "worker", transform: (code) => code.replace("./worker.js", "./pioneer-runtime.worker.js") }],
  });
  const file = join(root, `dist/pioneer-runtime.${name}.js`);
  await bundle.write({ file, format: "es", codeSplitting: false, minify: true });
  await bundle.close();
}
