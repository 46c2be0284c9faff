import { useState } from "react";
import type { OpenedAnswer, RunSummary } from "../../shared/runs.ts";
import { sendJson } from "../api/client.ts";
import { openModel, refreshModels } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { goTo } from "../state/route.ts";
import { Button } from "../ui/button.tsx";
import { runAddress } from "./watch-state.ts";

/** Checkpoints of a run, each of which can be tried as a model. */
export function Checkpoints({ run: { id, checkpoints } }: { readonly run: RunSummary }) {
  const [opening, setOpening] = useState<string>();
  if (checkpoints.length === 0) return null;
  const open = async (name: string) => {
    setOpening(name);
    await tryCheckpoint(id, name).catch(report);
    setOpening(undefined);
  };
  return (
    <section aria-label="Checkpoints">
      <h3>Try a checkpoint in Edit</h3>
      <div className="run-bar">
        {checkpoints.map((checkpoint) => (
          <Button key={checkpoint.name} disabled={opening !== undefined} onClick={() => void open(checkpoint.name)}>
            {opening === checkpoint.name ? "Exporting…" : labelOf(checkpoint)}
          </Button>
        ))}
      </div>
    </section>
  );
}

/** To the image, where several are of one thousand. */
function labelOf({ name, kimg }: RunSummary["checkpoints"][number]): string {
  if (kimg === null) return name;
  return name === "best" ? `Best, ${kimg} kimg` : `${kimg} kimg`;
}

/** The server makes a model folder of it, which is opened. */
async function tryCheckpoint(run: string, name: string): Promise<void> {
  const path = runAddress(run, `checkpoints/${encodeURIComponent(name)}/open`);
  const { model } = (await (await sendJson("POST", path, {})).json()) as OpenedAnswer;
  const entry = (await refreshModels()).find(({ id }) => id === model);
  if (!entry?.usable)
    throw new Error(`the checkpoint ${name} was exported but cannot be used${entry ? `: ${entry.problem}` : ""}`);
  await openModel(entry);
  goTo("edit");
}
