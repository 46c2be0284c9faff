import { Pause, Play } from "lucide-react";
import { useEffect } from "react";
import { Button } from "../ui/button.tsx";
import { placeOnRing } from "./corners.ts";
import { moveTo, useMorph } from "./morph-state.ts";

/** From one corner to the next takes so long. */
const secondsPerCorner = 2;

/** Moves the point round the corners until it is stopped or dragged. */
export function PlayButton({ count }: { readonly count: number }) {
  const playing = useMorph((state) => state.playing);
  useEffect(() => {
    if (!playing || count < 2) return;
    let frame = 0;
    let start: number | undefined;
    const step = (now: number) => {
      start ??= now;
      const { x, y } = placeOnRing(count, ((now - start) / (1000 * secondsPerCorner * count)) % 1);
      moveTo(x, y);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing, count]);
  return (
    <Button icon={playing ? Pause : Play} disabled={count < 2} onClick={() => useMorph.setState({ playing: !playing })}>
      {playing ? "Pause" : "Play"}
    </Button>
  );
}
