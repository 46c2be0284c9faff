#!/usr/bin/env node
// CommonJS: Node reads ES modules on libuv's threads, which are then there already, four of them for good.
const { existsSync } = require("node:fs");
const { availableParallelism } = require("node:os");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

// Images are decoded on libuv's threads: as many as there are cores, to be said before the first one starts.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

const build = path.join(__dirname, "../dist/cli/main.js");
if (existsSync(build)) {
  void import(pathToFileURL(build).href).then(({ main }) => main(process.argv));
} else {
  console.error("pioneer: it is not built yet; run: make build");
  process.exitCode = 1;
}
