// Before `npm pack`: builds dist/, and dist/pioneer-runtime.browser.js from it, the whole package in one file for pages
// without a bundler. ONNX Runtime stays apart (an import map names it): its threads start from its own file.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-b"], { cwd: root, stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(status ?? 1);

const bundle = await rolldown({ input: join(root, "dist/browser.js"), external: [/^onnxruntime-web/] });
await bundle.write({ file: join(root, "dist/pioneer-runtime.browser.js"), format: "es", codeSplitting: false });
await bundle.close();
