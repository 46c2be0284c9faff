import { CirclePlay, CircleStop, FastForward, Pin } from "lucide-react";
import { useState } from "react";
import type { RunSummary } from "../../shared/runs.ts";
import { sendJson } from "../api/client.ts";
import { report } from "../state/notices.ts";
import { Button } from "../ui/button.tsx";
import { Checkpoints } from "./checkpoints.tsx";
import { Curves } from "./curves.tsx";
import { Facts } from "./facts.tsx";
import { Grids } from "./grids.tsx";
import { lastKimg } from "./moments.ts";
import { Scrubber } from "./scrubber.tsx";
import { runAddress, scrubTo, togglePin, useRunData, useWatch } from "./watch-state.ts";

/** One run: facts, curves and pictures of the moment that the scrubber is at. */
export function RunView({ run }: { readonly run: RunSummary }) {
  const { ticks, grids } = useRunData(run.id);
  const scrubbed = useWatch((state) => state.kimg);
  const last = lastKimg(ticks);
  const kimg = Math.min(scrubbed ?? last, last);
  return (
    <section className="run-view" aria-label={`Run ${run.id}`}>
      <RunBar run={run} kimg={kimg} follows={scrubbed === undefined} />
      {run.problem !== null && <p className="watch-lost">{run.problem}</p>}
      <Facts ticks={ticks} kimg={kimg} isRunning={run.state === "running"} />
      <Scrubber ticks={ticks} grids={grids} checkpoints={run.checkpoints} kimg={kimg} />
      <Grids run={run.id} grids={grids} kimg={kimg} />
      <Curves ticks={ticks} kimg={kimg} />
      <Checkpoints run={run} />
    </section>
  );
}

interface RunBarProps {
  readonly run: RunSummary;
  readonly kimg: number;
  readonly follows: boolean;
}

function RunBar({ run, kimg, follows }: RunBarProps) {
  const [waiting, setWaiting] = useState(false);
  const isRunning = run.state === "running" || run.state === "starting";
  const ask = async (what: "stop" | "resume") => {
    setWaiting(true);
    await sendJson("POST", runAddress(run.id, what), {}).catch(report);
    setWaiting(false);
  };
  return (
    <header className="run-bar">
      <h2>{run.id}</h2>
      {!follows && (
        <Button icon={FastForward} onClick={() => scrubTo(undefined)}>
          Jump to latest
        </Button>
      )}
      <Button icon={Pin} onClick={() => togglePin({ run: run.id, kimg })}>
        Pin this moment
      </Button>
      {isRunning ? (
        <Button icon={CircleStop} disabled={waiting} onClick={() => void ask("stop")}>
          Stop with a checkpoint
        </Button>
      ) : (
        <Button icon={CirclePlay} disabled={waiting || run.checkpoints.length === 0} onClick={() => void ask("resume")}>
          Resume
        </Button>
      )}
    </header>
  );
}
