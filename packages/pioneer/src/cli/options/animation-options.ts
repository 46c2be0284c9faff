import { ConfigError } from "../../base/errors.ts";
import { option, positive, toggle, whole } from "../../config/option-schema.ts";

/** Frames a second where none are asked for. */
export const defaultFps = 20;

/** Options of the commands that make animations. @param seconds the default length, in words */
export const animationOptions = (seconds: string) => ({
  gif: option(toggle().default(false), { description: "write a GIF that repeats for ever" }),
  mp4: option(toggle().default(false), { description: "write an MP4 (H.264), by the ffmpeg on the PATH" }),
  fps: option(whole(1, 50).optional(), { value: "N", description: "frames a second", default: String(defaultFps) }),
  seconds: option(positive(600).optional(), { value: "S", description: "length of the loop", default: seconds }),
});

/**
 * Refuses what cannot be done, before any work.
 * @throws ConfigError if options of an animation are given without one, or ffmpeg is missing
 */
export async function checkAnimation(options: {
  readonly gif: boolean;
  readonly mp4: boolean;
  readonly fps?: number | undefined;
  readonly seconds?: number | undefined;
}): Promise<void> {
  const { gif, mp4, fps, seconds } = options;
  if (mp4) await (await import("../../images/mp4.ts")).checkFfmpeg();
  if (gif || mp4) return;
  const idle = Object.entries({ fps, seconds }).find(([, value]) => value !== undefined);
  if (idle) throw new ConfigError(`--${idle.join(" ")} is for animations: give --gif or --mp4 too, or leave it out`);
}
