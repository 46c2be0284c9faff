import { compare } from "./compare.ts";
import { sampleLatents } from "./latent.ts";
import type { Milliseconds, Session, Sessions, StartOptions } from "./platform.ts";
import { releaseAll } from "./sessions.ts";

/** A picture in each frame of a screen: what is faster cannot be seen. */
const frame = 1000 / 60;

export interface Found {
  /** WebGPU's, where they are the faster ones. */
  readonly sessions?: Sessions;
  readonly reason: string;
  readonly milliseconds: Milliseconds;
}

/**
 * Times WASM and, where it takes longer than a frame, WebGPU too.
 * @param wasm    the sessions in use
 * @param webgpu  opens the same networks on WebGPU
 * @param stopped nobody needs the answer any more
 * @param enough  milliseconds a picture below which WebGPU is not tried
 */
export async function faster(
  wasm: Sessions,
  webgpu: () => Promise<Sessions>,
  { latent, resolution }: Pick<StartOptions, "latent" | "resolution">,
  stopped: AbortSignal,
  enough: number = frame,
): Promise<Found> {
  const one = { latent, resolution, signal: stopped };
  const ours = await timed(wasm, one);
  if (ours <= enough) {
    return { reason: `WASM draws a picture in ${shown(ours)}, WebGPU was not tried`, milliseconds: { wasm: ours } };
  }
  const found = await webgpu();
  try {
    const theirs = await timed(found, one, ours);
    const milliseconds = { wasm: ours, webgpu: theirs };
    const both = `WASM draws a picture in ${shown(ours)}, WebGPU in ${shown(theirs)}`;
    const fault = theirs < ours ? await compare(found, wasm, one) : undefined;
    stopped.throwIfAborted();
    if (theirs < ours && fault === undefined) return { sessions: found, reason: both, milliseconds };
    await releaseAll(found);
    return { reason: fault ?? both, milliseconds };
  } catch (error) {
    await releaseAll(found);
    throw error;
  }
}

const shown = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/**
 * Milliseconds for one picture: the least of three, as others may wait in the same queue; the first is not counted, in
 * which programs are compiled.
 * @param limit one that takes longer is enough
 */
async function timed(
  sessions: Sessions,
  { latent, resolution, signal }: { latent: number; resolution: number; signal: AbortSignal },
  limit = Number.POSITIVE_INFINITY,
): Promise<number> {
  const run = sessions.generator
    ? () => (sessions.generator as Session).run(sampleLatents(1, latent, 0), [1, latent], signal)
    : () => sessions.encoder?.run(new Float32Array(3 * resolution ** 2), [1, 3, resolution, resolution], signal);
  await run();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && (i === 0 || least <= limit); i++) {
    // Whoever uses the page meanwhile comes between.
    await new Promise((resolve) => setTimeout(resolve));
    const start = performance.now();
    await run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
