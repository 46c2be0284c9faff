import "./teach-panel.css";
import { useEffect, useState } from "react";
import { useModel } from "../state/models.ts";
import { Segmented } from "../ui/segmented.tsx";
import { AddPhotos } from "./add-photos.tsx";
import { Lesson } from "./lesson.tsx";
import { SortTiles } from "./sort-tiles.tsx";
import { beginIfNew, useTeach } from "./teach-state.ts";

/** A direction from some twenty clicks. */
export function TeachPanel() {
  const { key } = useModel();
  const { name, pictures, answers } = useTeach();
  const [brush, setBrush] = useState<"yes" | "no">("yes");
  // biome-ignore lint/correctness/useExhaustiveDependencies: each model is taught by itself
  useEffect(beginIfNew, [key]);
  const yes = [...answers.values()].filter(Boolean).length;
  const what = name.trim() || "it";
  return (
    <div className="teach">
      <header className="teach-header">
        <h1>Teach it something</h1>
        <p className="soft">
          Name what you look for, click the pictures that have it, then those that do not. Some twenty clicks make a
          slider.
        </p>
      </header>
      <div className="teach-columns">
        <section aria-label="Pictures to sort">
          <div className="teach-bar">
            <label className="teach-name">
              <span className="soft">Attribute</span>
              <input
                type="text"
                value={name}
                maxLength={60}
                placeholder="smile, beard, hat …"
                onChange={(event) => useTeach.setState({ name: event.currentTarget.value })}
              />
            </label>
            <Segmented
              label="What a click says"
              value={brush}
              options={{ yes: `✓ has ${what}`, no: `✗ has not` }}
              onChange={setBrush}
            />
            <AddPhotos />
            <p className="soft teach-count" aria-live="polite">
              {yes} with, {answers.size - yes} without
            </p>
          </div>
          <SortTiles pictures={pictures} answers={answers} brush={brush === "yes"} />
        </section>
        <Lesson />
      </div>
    </div>
  );
}
