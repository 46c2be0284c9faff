import "./edit-panel.css";
import { useEdit } from "../state/edit.ts";
import { Directions } from "./directions.tsx";
import { EditEmpty } from "./edit-empty.tsx";
import { PhotoTools } from "./photo-tools.tsx";
import { SaveBar } from "./save-bar.tsx";
import { Stage } from "./stage.tsx";
import { useEditKeys } from "./use-edit-keys.ts";

/** A photo or a sample, its reconstruction, and sliders. */
export function EditPanel() {
  const source = useEdit(({ present }) => present.source);
  useEditKeys();
  if (!source) return <EditEmpty />;
  return (
    <div className="edit">
      <h1 className="hidden">Edit</h1>
      <Stage />
      <aside className="edit-side" aria-label="Changes">
        <Directions />
        {source.kind === "photo" && <PhotoTools />}
        <SaveBar />
      </aside>
    </div>
  );
}
