#!/usr/bin/env node
import { existsSync } from "node:fs";

const build = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(build)) {
  const { main } = await import(build.href);
  await main(process.argv);
} else {
  console.error("pioneer: it is not built yet; run: make build");
  process.exitCode = 1;
}
