import { Cpu, Server } from "lucide-react";
import type { Place } from "../engine/engine.ts";
import { computeIn, useEngines } from "../state/engines.ts";
import { Menu, MenuItem } from "../ui/menu.tsx";

const words: Record<Place, string> = { page: "in this page", server: "on the server" };

/** Where pictures are computed and how fast, and the other place. */
export function ComputeMenu() {
  const { active, choice, found, problem } = useEngines();
  if (!active) return null;
  const ms = found[active.place]?.ms ?? 0;
  const Icon = active.place === "page" ? Cpu : Server;
  const face = (
    <>
      <Icon aria-hidden size={16} strokeWidth={1.75} />
      <span className="wide-only">{formatMs(ms)}</span>
    </>
  );
  return (
    <Menu label={`Computed ${words[active.place]} (${active.label}), ${formatMs(ms)} a picture`} face={face}>
      <MenuItem current={choice === "auto"} onChoose={() => computeIn("auto")}>
        The faster of both
        <span className="soft">now {words[active.place]}</span>
      </MenuItem>
      {(["page", "server"] as const).map((place) => {
        const there = found[place];
        return (
          <MenuItem key={place} current={choice === place} disabled={!there} onChoose={() => computeIn(place)}>
            Compute {words[place]}
            <span className="soft">
              {there ? `${there.engine.label}, ${formatMs(there.ms)} a picture` : "not available"}
            </span>
          </MenuItem>
        );
      })}
      <p className="soft">
        {active.place === "page"
          ? "Photos stay in this page: nothing of them is sent anywhere."
          : "The square that the model sees is sent to the server this page came from, and not kept there."}
        {problem && ` The page does not compute: ${problem}`}
      </p>
    </Menu>
  );
}

const formatMs = (ms: number) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
