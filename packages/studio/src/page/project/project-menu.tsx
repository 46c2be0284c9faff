import { FolderOpen } from "lucide-react";
import { useRef } from "react";
import { settingsOf, usePictures } from "../edit/pictures.ts";
import { modelNow } from "../state/models.ts";
import { projectOf } from "../state/project.ts";
import { useShelf } from "../state/shelf.ts";
import { download } from "../ui/download.ts";
import { FileInput } from "../ui/file-input.tsx";
import { Menu, MenuItem } from "../ui/menu.tsx";
import { openDropped } from "./open-dropped.ts";

export function ProjectMenu() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <Menu label="Project" face={<FolderOpen aria-hidden size={17} strokeWidth={1.75} />}>
      <MenuItem onChoose={saveProject}>
        Save the project
        <span className="soft">favourites, morph corners, taught directions and this edit, in one file</span>
      </MenuItem>
      <MenuItem onChoose={() => input.current?.click()}>
        Open a project
        <span className="soft">or drop it anywhere</span>
      </MenuItem>
      <p className="soft">This browser keeps all of it by itself, for each model.</p>
      <FileInput
        ref={input}
        label="Open a project"
        accept=".json,application/json"
        onFiles={(files) => void openDropped(files)}
      />
    </Menu>
  );
}

function saveProject(): void {
  const model = modelNow();
  const { pictures } = usePictures.getState();
  const project = projectOf(model, useShelf.getState(), pictures && settingsOf(pictures));
  const file = new Blob([JSON.stringify(project, null, 2)], { type: "application/json" });
  download(file, `${model.name}.pioneer.json`);
}
