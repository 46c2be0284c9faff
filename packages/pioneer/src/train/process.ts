// Entry of the training process: a libtorch that cannot be loaded is reported like any other error.
import { exitCodes } from "../base/errors.ts";
import type { FromWorker } from "./protocol.ts";
import { listenForSignals } from "./stop-asked.ts";

listenForSignals();

try {
  await import("./worker.ts");
} catch (error) {
  const { message, stack = "", code = "INTERNAL" } = error as NodeJS.ErrnoException;
  const failed: FromWorker = {
    kind: "failed",
    code,
    message: message.split("\n")[0] ?? message,
    exitCode: exitCodes.failed,
    stack,
  };
  process.send?.(failed, undefined, {}, () => process.exit(0));
}
