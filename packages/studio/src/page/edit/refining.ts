import { refine } from "pioneer-runtime";
import { create } from "zustand";
import { edit, editNow } from "../state/edit.ts";
import { decodeInLine, encodeNow, scheduler } from "../state/engines.ts";
import { modelNow } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { usePictures } from "./pictures.ts";

/** Each step is one encoding and one decoding. */
export const refineSteps = 60;

export const useRefining = create<{
  readonly running: AbortController | undefined;
  readonly step: number;
  readonly outcome: string | undefined;
}>(() => ({ running: undefined, step: 0, outcome: undefined }));

export const stopRefining = () => useRefining.getState().running?.abort(new DOMException("stopped", "AbortError"));

/** Looks for a latent whose image is closer to the photo; what was found by then is kept when it is stopped. */
export async function startRefining(): Promise<void> {
  const { pictures } = usePictures.getState();
  if (!pictures?.photo || useRefining.getState().running) return;
  const { latent } = modelNow().config;
  const { source, placement } = editNow();
  const running = new AbortController();
  useRefining.setState({ running, step: 0, outcome: undefined });
  let best = pictures.latent;
  const calls = {
    latent,
    encode: (image: Float32Array) => scheduler.inLine(() => encodeNow(image), running.signal),
    decode: (z: Float32Array) => decodeInLine(z, latent, running.signal),
  };
  try {
    const {
      latent: found,
      error,
      firstError,
    } = await refine(calls, pictures.photo, pictures.latent, refineSteps, {
      signal: running.signal,
      onStep: (step) => useRefining.setState({ step }),
    });
    best = found;
    const share = Math.round(100 * (1 - error / firstError));
    useRefining.setState({ outcome: share > 0 ? `${share} % closer than before.` : "It is as close as it gets." });
  } catch (error) {
    if (!running.signal.aborted) report(error);
  }
  useRefining.setState({ running: undefined });
  // The photo may have been moved or changed meanwhile; then the answer is of no use.
  const now = editNow();
  if (best !== pictures.latent && now.source === source && now.placement === placement) edit({ refined: best });
}
