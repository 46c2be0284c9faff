import "./directions.css";
import { RotateCcw } from "lucide-react";
import { reachOf } from "pioneer-runtime/internal";
import { edit, editEnded, setStrength, useEdit } from "../state/edit.ts";
import { useModels } from "../state/models.ts";
import { type Direction, useDirections, useShelf } from "../state/shelf.ts";
import { Button } from "../ui/button.tsx";
import { StrengthSlider } from "../ui/strength-slider.tsx";
import { alsoMoves, groupsOf, scoreOf, wordsOf } from "./direction-words.ts";

/** A slider for each direction, in groups. */
export function Directions() {
  const directions = useDirections();
  const own = useModels((state) => state.directions);
  const { strengths } = useEdit(({ present }) => present);
  const taught = useShelf((shelf) => shelf.taught);
  // A direction may be called constructor.
  const strengthOf = (name: string) => (Object.hasOwn(strengths, name) ? (strengths[name] as number) : 0);
  const groups = groupsOf(directions, taught);
  const moved = Object.values(strengths).some((value) => value !== 0);
  return (
    <section className="directions" aria-label="Directions">
      <header>
        <h2>Directions</h2>
        <Button icon={RotateCcw} disabled={!moved} onClick={() => edit({ strengths: {} })}>
          Reset all
        </Button>
      </header>
      {groups.map(({ title, members }) => (
        <div key={title} className="direction-group">
          {groups.length > 1 && <h3>{title}</h3>}
          {members.map((name) => (
            <StrengthSlider
              key={name}
              label={wordsOf(name)}
              aside={scoreOf(directions[name] as Direction)}
              value={strengthOf(name)}
              reach={reachOf(directions[name] as Direction)}
              note={strengthOf(name) !== 0 ? alsoMoves(name, directions) : undefined}
              onChange={(value) => setStrength(name, value)}
              onEnd={editEnded}
            />
          ))}
        </div>
      ))}
      {Object.keys(own.directions).length === 0 && <NoDirections />}
    </section>
  );
}

function NoDirections() {
  return (
    <p className="soft">
      This model came without directions. <a href="#teach">Teach it one</a> with some twenty clicks, or learn them from
      labels with <code>pioneer directions</code>.
    </p>
  );
}
