import "./stage.css";
import { Redo2, Undo2 } from "lucide-react";
import { Camera } from "../camera/camera.tsx";
import { editRedo, editUndo, useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { IconButton } from "../ui/button.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { ChoosePhoto } from "./choose-photo.tsx";
import { Divided } from "./divided.tsx";
import { PhotoFigure } from "./photo-figure.tsx";
import { ResultFigure } from "./result-figure.tsx";
import { useView } from "./use-edit-keys.ts";

/** The pictures: photo and result side by side, or one over the other with a divider. */
export function Stage() {
  const mode = useView((view) => view.mode);
  const { source } = useEdit(({ present }) => present);
  return (
    <section className="stage" aria-label="Pictures">
      <StageBar />
      {mode === "divider" ? (
        <Divided />
      ) : (
        <div className="stage-pair" data-single={source?.kind !== "photo"}>
          {source?.kind === "photo" && <PhotoFigure photo={source.photo} />}
          <ResultFigure />
        </div>
      )}
    </section>
  );
}

function StageBar() {
  const { mode, enlarge } = useView();
  const { hasEncoder } = useModel();
  const canUndo = useEdit(({ past }) => past.length > 0);
  const canRedo = useEdit(({ future }) => future.length > 0);
  return (
    <div className="stage-bar">
      <ChoosePhoto text="Another photo" />
      {hasEncoder && <Camera small />}
      <Segmented
        label="How before and after are compared"
        value={mode}
        options={{ pair: "Side by side", divider: "Divider" }}
        onChange={(next) => useView.setState({ mode: next })}
      />
      <Segmented
        label="How pixels are enlarged"
        value={enlarge}
        options={{ smooth: "Smooth", crisp: "Pixels" }}
        onChange={(next) => useView.setState({ enlarge: next })}
      />
      <span className="stage-bar-end">
        <IconButton icon={Undo2} label="Undo" hint="Ctrl+Z" disabled={!canUndo} onClick={editUndo} />
        <IconButton icon={Redo2} label="Redo" hint="Ctrl+Shift+Z" disabled={!canRedo} onClick={editRedo} />
      </span>
    </div>
  );
}
