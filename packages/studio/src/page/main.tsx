import "@fontsource-variable/instrument-sans";
import "./style/tokens.css";
import "./style/base.css";
import { createRoot } from "react-dom/client";
import { followEdit } from "./edit/pictures.ts";
import { keepProject } from "./project/autosave.ts";
import { Studio } from "./shell/studio.tsx";
import { startModels } from "./state/models.ts";
import { applyTheme } from "./state/theme.ts";

applyTheme();
followEdit();
keepProject();
void startModels();
createRoot(document.getElementById("root") as HTMLElement).render(<Studio />);
