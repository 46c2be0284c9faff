import "./header.css";
import {
  Activity,
  Blend,
  GraduationCap,
  LayoutGrid,
  type LucideIcon,
  Moon,
  SlidersHorizontal,
  Sun,
  SunMoon,
} from "lucide-react";
import { hasServer } from "../api/client.ts";
import { ProjectMenu } from "../project/project-menu.tsx";
import { useModels } from "../state/models.ts";
import { type Route, routes, useRoute } from "../state/route.ts";
import { nextTheme, useTheme } from "../state/theme.ts";
import { IconButton } from "../ui/button.tsx";
import { ComputeMenu } from "./compute-menu.tsx";
import { Mark } from "./mark.tsx";
import { ModelMenu } from "./model-menu.tsx";

const names: Record<Route, { readonly text: string; readonly icon: LucideIcon }> = {
  explore: { text: "Explore", icon: LayoutGrid },
  edit: { text: "Edit", icon: SlidersHorizontal },
  morph: { text: "Morph", icon: Blend },
  teach: { text: "Teach", icon: GraduationCap },
  watch: { text: "Watch", icon: Activity },
};

const themeIcons = { auto: SunMoon, light: Sun, dark: Moon };

export function Header() {
  const theme = useTheme((state) => state.theme);
  const hasModel = useModels((state) => state.open !== undefined);
  return (
    <header className="header">
      <button type="button" className="skip" onClick={focusMain}>
        Skip to the pictures
      </button>
      <a className="brand" href="#explore" aria-label="Pioneer: explore">
        <Mark />
        <span>Pioneer</span>
      </a>
      <Tabs />
      <div className="header-tools">
        {hasModel && <ModelMenu />}
        {hasModel && <ComputeMenu />}
        {hasModel && <ProjectMenu />}
        <IconButton icon={themeIcons[theme]} label={`Light or dark: ${theme}`} onClick={nextTheme} />
      </div>
    </header>
  );
}

function Tabs() {
  const current = useRoute((state) => state.route);
  // The list of models says whether there is a server; asking it again costs nothing.
  useModels((state) => state.list);
  return (
    <nav className="tabs" aria-label="Parts of the studio">
      {routes
        .filter((route) => route !== "watch" || hasServer())
        .map((route) => {
          const { text, icon: Icon } = names[route];
          return (
            <a key={route} href={`#${route}`} aria-current={route === current ? "page" : undefined}>
              <Icon aria-hidden size={19} strokeWidth={1.75} />
              <span>{text}</span>
            </a>
          );
        })}
    </nav>
  );
}

/** A link would change the address, which says what part of the page it is. */
function focusMain(): void {
  document.querySelector<HTMLElement>("main :is(button, a, input, [tabindex='0'])")?.focus();
}
