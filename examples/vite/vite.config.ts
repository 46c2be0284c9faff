import { defineConfig } from "vite";

export default defineConfig({
  // Works in any folder of a server.
  base: "./",
  // The development server must not move ONNX Runtime's script away from its .wasm files.
  optimizeDeps: { exclude: ["onnxruntime-web"] },
});
