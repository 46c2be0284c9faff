import { rolldown } from "rolldown";
import { inRepository } from "./fixtures.ts";

/** src/browser.ts or its worker in one file, as the package ships them, or as a classic script that makes a global P. */
export async function bundled(
  entry: "browser" | "browser/worker" = "browser",
  format: "es" | "iife" = "es",
): Promise<string> {
  const bundle = await rolldown({
    input: inRepository(`packages/runtime/src/${entry}.ts`),
    external: [/^onnxruntime-web/],
    checks: { emptyImportMeta: false },
  });
  const { output } = await bundle.generate({ format, name: "P", codeSplitting: false });
  await bundle.close();
  return output[0].code;
}

export const importMap = JSON.stringify({
  imports: {
    "pioneer-runtime": "/runtime.js",
    "onnxruntime-web/webgpu": "/ort/ort.webgpu.bundle.min.mjs",
    "onnxruntime-web/wasm": "/ort/ort.wasm.bundle.min.mjs",
  },
});
