import type { RunSummary } from "../../shared/runs.ts";
import { selectRun } from "./watch-state.ts";

interface RunListProps {
  readonly runs: readonly RunSummary[];
  readonly selected: string | undefined;
}

export function RunList({ runs, selected }: RunListProps) {
  return (
    <ul>
      {runs.map((run) => (
        <li key={run.id}>
          <button
            type="button"
            className="run-row"
            aria-current={run.id === selected}
            onClick={() => void selectRun(run.id)}
          >
            <span className="run-name">
              <span className="run-dot" data-state={run.state} aria-hidden />
              <span className="clip">{run.id}</span>
            </span>
            <span className="soft">{wordsOf(run)}</span>
            {run.last && (
              <progress
                value={run.last.images}
                max={run.last.totalImages}
                aria-label={`${run.id}: images shown of all`}
              />
            )}
          </button>
        </li>
      ))}
    </ul>
  );
}

function wordsOf({ state, last, problem }: RunSummary): string {
  if (problem !== null) return problem;
  if (!last) return state;
  const kimg = `${(last.images / 1000).toFixed(0)} kimg, ${last.resolution}×${last.resolution}`;
  return state === "running" ? `${kimg}, ${last.imagesPerSecond?.toFixed(1) ?? "?"} images/s` : `${state}, ${kimg}`;
}
