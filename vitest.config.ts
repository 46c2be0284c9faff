import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const source = (name: string, entry = "index.ts") =>
  fileURLToPath(new URL(`packages/${name}/src/${entry}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "pioneer-torch": source("torch"),
      "pioneer-runtime/internal": source("runtime", "internal.ts"),
      "pioneer-runtime": source("runtime"),
      "pioneer-studio": source("studio", "server/index.ts"),
      "pioneer-networks/torch": source("pioneer", "torch.ts"),
      "pioneer-networks": source("pioneer"),
    },
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "bench/test/**/*.test.ts"],
    // Minutes of computing, in networks of their own: `make soak`.
    exclude: [...configDefaults.exclude, ...(process.env.PIONEER_SOAK ? [] : ["packages/*/test/soak/**"])],
    // The native addon lives in a process: forks, and two at a time so that libtorch's threads do not fight.
    pool: "forks",
    globalSetup: ["packages/pioneer/test/support/on-path.ts"],
    // What was packed or measured beside tests is no use to anybody else.
    env: { XDG_CACHE_HOME: join(tmpdir(), "pioneer-test-cache") },
    maxWorkers: 2,
    testTimeout: 60_000,
    // The first Chromium of a machine has been seen to take longer than the ten seconds vitest gives.
    hookTimeout: 120_000,
  },
});
