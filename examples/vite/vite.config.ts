import { defineConfig } from "vite";

export default defineConfig({
  // Works in any folder of a server.
  base: "./",
  // The development server must not move scripts away from what lies beside them: the worker, the .wasm files.
  optimizeDeps: { exclude: ["onnxruntime-web", "pioneer-runtime"] },
  // The worker loads one of ONNX Runtime's scripts when it needs it.
  worker: { format: "es" },
});
