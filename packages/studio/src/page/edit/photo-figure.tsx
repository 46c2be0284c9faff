import "./photo-figure.css";
import { type FacePoints, type FaceTemplate, faceProblem } from "pioneer-runtime";
import { useState } from "react";
import { facePoints, middleSquare, type Placement, placementOfFace, wholePhoto, zoomed } from "../image/placement.ts";
import { edit, editEnded, useEdit } from "../state/edit.ts";
import { chooseFace, useFaceLook } from "../state/faces.ts";
import { useModel } from "../state/models.ts";
import { notify } from "../state/notices.ts";
import type { Photo } from "../state/photos.ts";
import { Button } from "../ui/button.tsx";
import { Slider } from "../ui/slider.tsx";
import { FaceBoxes } from "./face-boxes.tsx";
import { FaceLine } from "./face-line.tsx";
import { FaceMarkers } from "./face-markers.tsx";
import { Frame } from "./frame.tsx";

/** The photo under the model's square, which is placed by its face or by hand. */
export function PhotoFigure({ photo }: { readonly photo: Photo }) {
  const placement = useEdit(({ present }) => present.placement) as Placement;
  const { config } = useModel();
  const [marks, setMarks] = useState<FacePoints>();
  const { photo: looked, faces = [], choosing } = useFaceLook();
  const several = looked === photo && config.align && faces.length > 1 ? faces : undefined;
  const isChoosing = choosing && several !== undefined && !marks;
  const shown = isChoosing ? wholePhoto(photo) : placement;
  const place = (next: Placement, gesture = "place") => edit({ placement: next, refined: undefined }, gesture);
  return (
    <figure>
      <Frame
        photo={photo}
        placement={shown}
        template={marks || isChoosing ? null : config.align}
        onPlace={isChoosing ? doNothing : place}
        onEnd={editEnded}
      >
        {isChoosing && <FaceBoxes faces={several} placement={shown} onChoose={chooseFace} />}
        {marks && <FaceMarkers marks={marks} placement={placement} photo={photo} onChange={setMarks} />}
      </Frame>
      <figcaption>
        <span>Photo</span>
        <span className="soft">
          {photo.width}×{photo.height} · drag, scroll to zoom
        </span>
      </figcaption>
      {config.align && <FaceLine photo={photo} />}
      <div className="placing">
        <PlaceSliders photo={photo} placement={placement} onPlace={place} />
        <div className="placing-buttons">
          {config.align && (
            <MarkFace photo={photo} placement={placement} template={config.align} marks={marks} onMarks={setMarks} />
          )}
          {several && (
            <Button onClick={() => useFaceLook.setState({ choosing: !isChoosing })}>
              {isChoosing ? "Keep this face" : "Choose a face"}
            </Button>
          )}
          <Button onClick={() => place(middleSquare(photo), "")}>Whole middle</Button>
        </div>
      </div>
    </figure>
  );
}

const doNothing = () => undefined;

interface PlaceProps {
  readonly photo: Photo;
  readonly placement: Placement;
  readonly onPlace: (placement: Placement) => void;
}

function PlaceSliders({ photo, placement, onPlace }: PlaceProps) {
  const zoom = Math.log2(Math.min(photo.width, photo.height) / placement.side);
  const degrees = (placement.angle * 180) / Math.PI;
  return (
    <>
      <Slider
        label="Zoom"
        value={Number(zoom.toFixed(2))}
        min={-1.5}
        max={4}
        step={0.01}
        format={(value) => `${(2 ** value).toFixed(2)}×`}
        onChange={(value) => onPlace(zoomed(placement, 2 ** (value - zoom), [0.5, 0.5], photo))}
        onEnd={editEnded}
      />
      <Slider
        label="Turn"
        value={Number(degrees.toFixed(1))}
        min={-180}
        max={180}
        step={0.5}
        format={(value) => `${value.toFixed(1)}°`}
        onChange={(value) => onPlace({ ...placement, angle: (value * Math.PI) / 180 })}
        onEnd={editEnded}
      />
    </>
  );
}

interface MarkFaceProps {
  readonly photo: Photo;
  readonly placement: Placement;
  readonly template: FaceTemplate;
  readonly marks: FacePoints | undefined;
  readonly onMarks: (marks: FacePoints | undefined) => void;
}

function MarkFace({ photo, placement, template, marks, onMarks }: MarkFaceProps) {
  if (!marks) return <Button onClick={() => onMarks(facePoints(placement, template))}>Mark eyes and mouth</Button>;
  const apply = () => {
    const problem = faceProblem(marks, photo);
    if (problem) {
      notify("problem", `The photo ${problem}`);
      return;
    }
    edit({ placement: placementOfFace(marks, template), refined: undefined });
    onMarks(undefined);
  };
  return (
    <>
      <Button primary onClick={apply}>
        Align
      </Button>
      <Button onClick={() => onMarks(undefined)}>Cancel</Button>
    </>
  );
}
