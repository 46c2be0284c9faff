#!/usr/bin/env node
// `pioneer-runtime copy-wasm DIR`
import { copyWasm } from "./node/copy-wasm.ts";

const usage = `Usage: pioneer-runtime copy-wasm DIR

Writes ONNX Runtime's .wasm files, compressed, into the folder DIR of a page; the option wasmPaths says its address.
`;

const [command, folder, ...rest] = process.argv.slice(2);
if (command === undefined || command === "--help" || command === "-h") process.stdout.write(usage);
else if (command !== "copy-wasm" || folder === undefined || folder.startsWith("-") || rest.length > 0) {
  process.stderr.write(`error: pioneer-runtime ${process.argv.slice(2).join(" ")} is no command\n${usage}`);
  process.exitCode = 2;
} else {
  try {
    for (const { path, bytes } of await copyWasm(folder)) process.stdout.write(`${path}  ${bytes} bytes\n`);
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
