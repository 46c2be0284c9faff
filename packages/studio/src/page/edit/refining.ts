import { refine } from "pioneer-runtime/internal";
import { create } from "zustand";
import type { Placement } from "../image/placement.ts";
import { edit, editNow } from "../state/edit.ts";
import { decodeInLine, encodeInLine } from "../state/engines.ts";
import { modelNow } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { usePictures } from "./pictures.ts";

/** Each step is one encoding and one decoding. */
export const refineSteps = 60;

export const useRefining = create<{
  readonly running: AbortController | undefined;
  readonly step: number;
  /** In words, and of the photo as it was placed then. */
  readonly outcome: { readonly text: string; readonly of: Placement | undefined } | undefined;
}>(() => ({ running: undefined, step: 0, outcome: undefined }));

export const stopRefining = () => useRefining.getState().running?.abort();

/** Looks for a latent whose image is closer to the photo. Stopped before its end it changes nothing. */
export async function startRefining(): Promise<void> {
  const { pictures } = usePictures.getState();
  if (!pictures?.photo || useRefining.getState().running) return;
  const { of, photo, latent: start } = pictures;
  const { latent } = modelNow().config;
  const running = new AbortController();
  const { signal } = running;
  useRefining.setState({ running, step: 0, outcome: undefined });
  const calls = {
    latent,
    encode: (image: Float32Array) => encodeInLine(image, signal),
    decode: (z: Float32Array) => decodeInLine(z, latent, signal),
  };
  const onStep = (step: number) => useRefining.setState({ step });
  try {
    const best = await refine(calls, photo, start, refineSteps, { signal, onStep });
    const share = Math.round(100 * (1 - best.error / best.firstError));
    const text = share > 0 ? `${share} % closer than before.` : "It is as close as it gets.";
    useRefining.setState({ outcome: { text, of: of.placement } });
    // The photo may have been moved or changed meanwhile; then the answer is of no use.
    const now = editNow();
    const isOfNow = now.source === of.source && now.placement === of.placement;
    if (isOfNow && best.latent !== start) edit({ refined: best.latent });
  } catch (error) {
    report(error);
  }
  useRefining.setState({ running: undefined });
}
