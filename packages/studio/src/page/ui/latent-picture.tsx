import { edit as move } from "pioneer-runtime";
import { useEffect, useState } from "react";
import { decodeInLine } from "../state/engines.ts";
import { type OpenModel, useModel } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { allDirections } from "../state/shelf.ts";
import { Picture } from "./picture.tsx";

/** Pictures that were made, by the latent they are of; latents are never changed in place. */
let made = new WeakMap<Float32Array, Float32Array>();
let madeBy: OpenModel | undefined;

/** What the model makes of a latent; undefined until it is computed. */
export function useDecoded(latent: Float32Array | undefined): Float32Array | undefined {
  const model = useModel();
  if (madeBy !== model) {
    made = new WeakMap();
    madeBy = model;
  }
  const [, redraw] = useState(0);
  const planes = latent && made.get(latent);
  useEffect(() => {
    if (!latent || made.has(latent)) return;
    const stop = new AbortController();
    decodeInLine(latent, model.config.latent, stop.signal).then((image) => {
      made.set(latent, image);
      if (!stop.signal.aborted) redraw((count) => count + 1);
    }, report);
    return () => stop.abort(new DOMException("it is not shown any more", "AbortError"));
  }, [latent, model]);
  return planes;
}

interface LatentPictureProps {
  readonly latent: Float32Array;
  readonly label: string;
  readonly enlarge?: "smooth" | "crisp";
}

export function LatentPicture({ latent, label, enlarge }: LatentPictureProps) {
  const { config } = useModel();
  return <Picture planes={useDecoded(latent)} side={config.resolution} label={label} {...(enlarge && { enlarge })} />;
}

/** The latent after an edit, for what shows a saved picture. Directions that are gone count as 0. */
export function editedLatent(latent: Float32Array, strengths: Readonly<Record<string, number>>): Float32Array {
  const directions = allDirections();
  const known = Object.entries(strengths).filter(([name, value]) => value !== 0 && name in directions.directions);
  return known.length > 0 ? move(latent, Object.fromEntries(known), directions) : latent;
}
