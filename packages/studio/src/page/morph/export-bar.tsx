import { Clapperboard, Film, RectangleHorizontal, Square } from "lucide-react";
import { latentLoop } from "pioneer-runtime";
import { useState } from "react";
import { decodeInLine } from "../state/engines.ts";
import { useModel } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { randomSeed } from "../state/samples.ts";
import { Button } from "../ui/button.tsx";
import { download } from "../ui/download.ts";
import { Segmented } from "../ui/segmented.tsx";
import { roundCorners } from "./corners.ts";
import { gifOf, stripOf, videoOf } from "./moving-pictures.ts";

const kinds = { strip: "strip", gif: "GIF", video: "video" } as const;
type Kind = keyof typeof kinds;

/** Pictures from one corner to the next; a random walk has as many as the way round four. */
const [stripSteps, movieSteps] = [6, 24];

/** Saves the way round the corners, or a closed random walk, as a strip, a GIF or a video. */
export function ExportBar({ latents }: { readonly latents: readonly Float32Array[] }) {
  const { config, name } = useModel();
  const [path, setPath] = useState<"ring" | "walk">("ring");
  const [running, setRunning] = useState<AbortController>();
  const save = async (kind: Kind) => {
    const stop = new AbortController();
    setRunning(stop);
    try {
      const steps = kind === "strip" ? stripSteps : movieSteps;
      const frames =
        path === "ring" ? roundCorners(latents, steps) : latentLoop(4 * steps, config.latent, 2, randomSeed());
      const images = await decodeInLine(frames, config.latent, stop.signal);
      const make = { strip: stripOf, gif: gifOf, video: videoOf }[kind];
      const file = await make(images, config.resolution, config.colour);
      download(file, `${name} morph.${extensionOf(file)}`);
      notify("done", `The ${kinds[kind]} is saved`);
    } catch (error) {
      report(error);
    }
    setRunning(undefined);
  };
  const disabled = running !== undefined || (path === "ring" && latents.length < 2);
  return (
    <section className="stage-bar" aria-label="Save">
      <Segmented
        label="What is saved"
        value={path}
        options={{ ring: "Round the corners", walk: "A random walk" }}
        onChange={setPath}
      />
      <Button icon={RectangleHorizontal} disabled={disabled} onClick={() => void save("strip")}>
        Strip
      </Button>
      <Button icon={Film} disabled={disabled} onClick={() => void save("gif")}>
        GIF
      </Button>
      <Button icon={Clapperboard} disabled={disabled} onClick={() => void save("video")}>
        Video
      </Button>
      {running && (
        <Button icon={Square} onClick={() => running.abort()}>
          Stop
        </Button>
      )}
    </section>
  );
}

const extensionOf = ({ type }: Blob) => type.replace(/^.*\//, "");
