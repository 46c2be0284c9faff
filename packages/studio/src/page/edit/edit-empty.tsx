import "./edit-empty.css";
import { useMemo } from "react";
import { Camera } from "../camera/camera.tsx";
import { editLatent } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { samplesOf } from "../state/samples.ts";
import { LatentPicture } from "../ui/latent-picture.tsx";
import { ChoosePhoto } from "./choose-photo.tsx";

const [seed, count] = [3, 3];

/** Where an edit begins: a photo, or one of three samples. */
export function EditEmpty() {
  const { key, hasEncoder, name } = useModel();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each model makes samples of its own
  const samples = useMemo(() => samplesOf(seed, count), [key]);
  return (
    <div className="edit-empty">
      <h1>{hasEncoder ? "Drop a photo anywhere" : "Begin with a sample"}</h1>
      <p>
        {hasEncoder
          ? "Paste one, or choose one. It is opened in this page and stays on this machine."
          : `${name} was exported without its encoder, so it knows no photos, only what it makes by itself.`}
      </p>
      {hasEncoder && (
        <div className="edit-empty-choice">
          <ChoosePhoto primary />
          <Camera />
        </div>
      )}
      <h2>{hasEncoder ? "Or try one that the model made up" : "Three that the model made up"}</h2>
      <ul className="edit-empty-samples">
        {samples.map((sample, i) => (
          <li key={sample.name}>
            <button
              type="button"
              className="picture-button"
              aria-label={`Edit sample ${i + 1}`}
              onClick={() => editLatent(sample)}
            >
              <LatentPicture latent={sample.latent} label={`Sample ${i + 1}`} />
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
