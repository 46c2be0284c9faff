import "./watch-panel.css";
import { useEffect } from "react";
import { RunList } from "./run-list.tsx";
import { RunView } from "./run-view.tsx";
import { StartRun } from "./start-run.tsx";
import { startWatching, useWatch } from "./watch-state.ts";

/** Runs as they learn. */
export function WatchPanel() {
  const { list, selected, connected } = useWatch();
  useEffect(startWatching, []);
  const run = list?.runs.find(({ id }) => id === selected);
  return (
    <div className="watch">
      <aside className="watch-side" aria-label="Runs">
        <header>
          <h1>Runs</h1>
          <StartRun />
        </header>
        {!connected && <p className="watch-lost">The server does not answer; what is shown is from before.</p>}
        {list && list.runs.length === 0 && (
          <p className="soft">
            There is none in <code>{list.folder}</code> yet. Start one here, or with <code>pioneer train</code>.
          </p>
        )}
        {list && <RunList runs={list.runs} selected={selected} />}
      </aside>
      {run && <RunView run={run} />}
    </div>
  );
}
