import "./edit-empty.css";
import { latentRow, sampleLatents } from "pioneer-runtime";
import { useMemo } from "react";
import { editLatent } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { LatentPicture } from "../ui/latent-picture.tsx";
import { ChoosePhoto } from "./choose-photo.tsx";

const seed = 3;
const count = 3;

/** Where an edit begins: a photo, or one of three samples. */
export function EditEmpty() {
  const { config, hasEncoder, name } = useModel();
  const samples = useMemo(() => {
    const latents = sampleLatents(count, config.latent, seed);
    return Array.from({ length: count }, (_, i) => latentRow(latents, config.latent, i));
  }, [config]);
  return (
    <div className="edit-empty">
      <h1>{hasEncoder ? "Drop a photo anywhere" : "Begin with a sample"}</h1>
      <p>
        {hasEncoder
          ? "Paste one, or choose one. It is opened in this page and stays on this machine."
          : `${name} was exported without its encoder, so it knows no photos, only what it makes by itself.`}
      </p>
      {hasEncoder && <ChoosePhoto primary />}
      <h2>{hasEncoder ? "Or try one that the model made up" : "Three that the model made up"}</h2>
      <ul className="edit-empty-samples">
        {samples.map((latent, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the three never change places
          <li key={i}>
            <button
              type="button"
              className="picture-button"
              aria-label={`Edit sample ${i + 1}`}
              onClick={() => editLatent(latent, `seed ${seed}, ${i + 1}`)}
            >
              <LatentPicture latent={latent} label={`Sample ${i + 1}`} />
            </button>
          </li>
        ))}
      </ul>
      <p className="soft">
        More of them: <a href="#explore">explore</a>.
      </p>
    </div>
  );
}
