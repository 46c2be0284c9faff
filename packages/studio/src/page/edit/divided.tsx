import "./divided.css";
import { type CSSProperties, useState } from "react";
import { useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { Picture } from "../ui/picture.tsx";
import { usePictures } from "./pictures.ts";
import { beforeOf } from "./result-figure.tsx";
import { useView } from "./use-edit-keys.ts";

/** The photo as the model sees it on the left of a line that can be dragged, the result on the right. */
export function Divided() {
  const [at, setAt] = useState(50);
  const { config } = useModel();
  const { pictures } = usePictures();
  const detail = useEdit(({ present }) => present.detail);
  const { before, enlarge } = useView();
  const side = config.resolution;
  const left = pictures && (pictures.photo ?? pictures.reconstruction);
  const right = pictures && (before ? beforeOf(pictures, detail) : pictures.result);
  return (
    <figure className="divided">
      <div className="divided-pictures" style={{ "--at": `${at}%` } as CSSProperties}>
        <Picture planes={right} side={side} enlarge={enlarge} label="The result" />
        <div className="divided-left">
          <Picture planes={left} side={side} enlarge={enlarge} label="Before" />
        </div>
        <input
          type="range"
          min={0}
          max={100}
          step={0.5}
          value={at}
          aria-label="Divider between before and after"
          onChange={(event) => setAt(event.currentTarget.valueAsNumber)}
        />
      </div>
      <figcaption>
        <span>{pictures?.photo ? "Photo" : "Before"}</span>
        <span className="divided-right">Result</span>
      </figcaption>
    </figure>
  );
}
