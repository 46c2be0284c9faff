import { ChevronDown } from "lucide-react";
import type { UsableModel } from "../../shared/models.ts";
import { openModel, useModel, useModels } from "../state/models.ts";
import { Menu, MenuItem } from "../ui/menu.tsx";

/** Which model, and which others there are. */
export function ModelMenu() {
  const { id, name, config } = useModel();
  const list = useModels((state) => state.list);
  const loading = useModels((state) => state.status === "loading");
  const size = `${config.resolution}×${config.resolution}`;
  const face = (
    <>
      <span className="clip">{loading ? "Loading…" : name}</span> <span className="soft wide-only">{size}</span>
      <ChevronDown aria-hidden size={14} />
    </>
  );
  return (
    <Menu label={`Model: ${name} ${size}`} face={face}>
      {list.map((entry) => (
        <MenuItem
          key={entry.id}
          current={entry.id === id}
          disabled={!entry.usable}
          onChoose={() => void (entry.usable && openModel(entry))}
        >
          {entry.name}
          <span className="soft">{entry.usable ? wordsOf(entry) : entry.problem}</span>
        </MenuItem>
      ))}
    </Menu>
  );
}

function wordsOf({ resolution, latent, hasEncoder }: UsableModel): string {
  return `${resolution}×${resolution}, ${latent} numbers a picture${hasEncoder ? "" : ", without an encoder"}`;
}
