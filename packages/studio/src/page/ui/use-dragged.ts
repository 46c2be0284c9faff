import { useEffect, useState } from "react";
import { decodeNewest, useEngines } from "../state/engines.ts";
import { report } from "../state/notices.ts";

/**
 * The picture of a latent that changes as something is dragged: each computed one is shown, and the last is always computed.
 * @param key of what is dragged
 */
export function useDragged(key: string, latent: Float32Array | undefined): Float32Array | undefined {
  const [planes, setPlanes] = useState<Float32Array>();
  // Where it is computed does not matter, but that it can be.
  const ready = useEngines(({ active }) => active !== undefined);
  useEffect(() => {
    if (!latent || !ready) return;
    decodeNewest(key, latent).then((image) => image && setPlanes(image), report);
  }, [key, latent, ready]);
  return planes;
}
