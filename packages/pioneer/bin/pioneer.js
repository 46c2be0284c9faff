#!/usr/bin/env node
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";

// Images are decoded on libuv's threads: as many as there are cores, to be said before the first one starts.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

const build = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(build)) {
  const { main } = await import(build.href);
  await main(process.argv);
} else {
  console.error("pioneer: it is not built yet; run: make build");
  process.exitCode = 1;
}
