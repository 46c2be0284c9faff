/** Exit codes of the command line: 0 done, 1 failed, 2 wrong options, 130 interrupted, 143 terminated. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** An error the user can act on: its message is one line that says what is wrong, with which value, and the mend. */
export class PioneerError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** A wrong option or configuration; exit code 2. */
export class ConfigError extends PioneerError {
  constructor(message: string, options?: ErrorOptions) {
    super("CONFIG", message, exitCodes.usage, options);
  }
}

/** Images, labels or a pack that cannot be used; exit code 1. */
export class DataError extends PioneerError {
  constructor(message: string, options?: ErrorOptions) {
    super("DATA", message, exitCodes.failed, options);
  }
}

/** A run folder that cannot be used: in use, not empty, not a run; exit code 1. */
export class RunError extends PioneerError {
  constructor(message: string, options?: ErrorOptions) {
    super("RUN", message, exitCodes.failed, options);
  }
}

/** A checkpoint that is missing, cut short, edited or of a newer format; exit code 1. */
export class CheckpointError extends PioneerError {
  constructor(message: string, options?: ErrorOptions) {
    super("CHECKPOINT", message, exitCodes.failed, options);
  }
}

export type StopReason = "interrupted" | "terminated";

/** Work that was asked to stop: by Ctrl-C or a program (exit code 130), or by SIGTERM (143). */
export class StoppedError extends PioneerError {
  readonly reason: StopReason;

  constructor(message: string, reason: StopReason = "interrupted") {
    super(reason.toUpperCase(), message, exitCodes[reason]);
    this.reason = reason;
  }

  /** What work throws that `signal` stopped; the message says what is left of it. */
  static by(signal: AbortSignal, message: string): StoppedError {
    return new StoppedError(message, signal.reason instanceof StoppedError ? signal.reason.reason : "interrupted");
  }
}

/** Training stopped because a loss was not finite; exit code 1. */
export class DivergedError extends PioneerError {
  constructor(message: string) {
    super("DIVERGED", message);
  }
}
