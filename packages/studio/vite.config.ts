import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The page is built into dist/page, which the server serves and a static build copies: all addresses are relative.
export default defineConfig({
  root: here("src/page"),
  base: "./",
  plugins: [react()],
  worker: { format: "es" },
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  build: {
    outDir: here("dist/page"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    // Licences of all that is bundled, beside the page.
    license: { fileName: "licences.md" },
  },
});
