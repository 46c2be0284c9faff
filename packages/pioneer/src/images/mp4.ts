import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolders, onDisk } from "../base/disk.ts";
import { ConfigError, DataError } from "../base/errors.ts";
import { whileUnfinished } from "../base/unfinished.ts";
import { besideOf, createFile } from "../base/write.ts";
import { mark } from "../pictures/mark.ts";
import type { FrameShape, FrameSink } from "./frame-sink.ts";

/**
 * Whether MP4 files can be made here: ffmpeg with an H.264 encoder on the PATH.
 * @throws ConfigError in one line if not
 */
export async function checkFfmpeg(): Promise<void> {
  let encoders = "";
  const child = spawn("ffmpeg", ["-hide_banner", "-encoders"], { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.on("data", (text) => {
    encoders += text;
  });
  const problem = await new Promise<Error | undefined>((resolve) => {
    child.on("error", resolve);
    child.on("close", () => resolve(undefined));
  });
  if (problem) {
    throw new ConfigError(
      "--mp4: ffmpeg is not on the PATH; install it (apt-get install ffmpeg, brew install ffmpeg), or take --gif",
      { cause: problem },
    );
  }
  if (!/ libx264 /.test(encoders)) {
    throw new ConfigError("--mp4: this ffmpeg has no libx264 to write H.264 with; install a full build, or take --gif");
  }
}

/** RGB as it is shown: BT.709, and saying so; the least that every player shows; the index in front, for the web. */
const output =
  "-an -c:v libx264 -crf 16 -preset medium -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc bt709 -movflags +faststart -f mp4 -y".split(
    " ",
  );

/**
 * An H.264 file by ffmpeg, which is fed raw frames and writes beside the file's place; finished, it is renamed there.
 * Frames are enlarged by ffmpeg; their sides are powers of two from 4 on, hence even, as 4:2:0 wants them.
 */
export async function openMp4(path: string, { side, scale, fps }: FrameShape): Promise<FrameSink> {
  const beside = await onDisk(path, async () => {
    makeFolders(dirname(path));
    const place = besideOf(path);
    closeSync(createFile(place));
    return place;
  });
  const width = side * scale;
  const input = `-hide_banner -loglevel error -nostdin -f rawvideo -pix_fmt rgb24 -s ${side}x${side} -r ${fps} -i pipe:0`;
  const filter =
    `scale=${width}:${width}:flags=neighbor,scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,` +
    "setparams=color_primaries=bt709:color_trc=bt709";
  const marked = ["-metadata", `comment=${mark}`];
  const child = spawn("ffmpeg", [...input.split(" "), "-vf", filter, ...marked, ...output, `file:${beside}`], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  const stdin = child.stdin;
  // A process that ended reads no more; how it ended says why.
  stdin.on("error", () => undefined);
  const end = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => {
      const lastLine = said.trim().split("\n").at(-1);
      resolve(code === 0 ? undefined : `${signal ?? `exit code ${code}`}${lastLine ? `: ${lastLine}` : ""}`);
    });
  });
  // No half file is left behind.
  const forget = whileUnfinished(beside, () => child.kill("SIGKILL"));
  const failed = (why: string) => new DataError(`${path}: ffmpeg failed (${why}); see whether the disk is full`);
  return {
    path,
    async write(pixels) {
      if (stdin.destroyed || child.exitCode !== null || child.signalCode !== null)
        throw failed((await end) ?? "it ended early");
      if (stdin.write(pixels)) return;
      await Promise.race([once(stdin, "drain").catch(() => end), end]);
    },
    async finish() {
      stdin.end();
      const why = await end;
      if (why !== undefined) throw failed(why);
      await onDisk(path, () => rename(beside, path));
    },
    async discard() {
      forget();
      child.kill("SIGKILL");
      await end;
      await rm(beside, { force: true });
    },
  };
}
