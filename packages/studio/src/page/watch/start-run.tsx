import "../ui/dialog.css";
import "../ui/entry.css";
import "./start-run.css";
import { Plus } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import type { PlanAnswer, StartBody } from "../../shared/runs.ts";
import { sendJson } from "../api/client.ts";
import { report } from "../state/notices.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { selectRun } from "./watch-state.ts";

/** A new run: what it is to do is shown before it begins. */
export function StartRun() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [plan, setPlan] = useState<PlanAnswer["plan"]>();
  const [waiting, setWaiting] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = bodyOf(new FormData(event.currentTarget));
    setWaiting(true);
    try {
      if (plan === undefined) {
        const answer = await sendJson("POST", "api/runs", { ...body, plan: true });
        setPlan(((await answer.json()) as PlanAnswer).plan);
      } else {
        await sendJson("POST", "api/runs", body);
        dialog.current?.close();
        await selectRun(body.id);
      }
    } catch (error) {
      report(error);
    }
    setWaiting(false);
  };
  return (
    <>
      <IconButton icon={Plus} label="Start a run" onClick={() => dialog.current?.showModal()} />
      <dialog ref={dialog} className="dialog" aria-labelledby="start-run" onClose={() => setPlan(undefined)}>
        <form className="dialog-body" onSubmit={(event) => void submit(event)} onChange={() => setPlan(undefined)}>
          <h2 id="start-run">Start a run</h2>
          <Field name="id" label="Name" required pattern="[A-Za-z0-9_][A-Za-z0-9._\-]*" placeholder="faces" />
          <Field name="data" label="Data" required placeholder="a folder of images, a pack, or procedural:faces" />
          <Field name="resolution" label="Resolution" type="number" placeholder="64" />
          <Field name="latent" label="Numbers a latent" type="number" placeholder="the preset's" />
          <Field name="minutes" label="Minutes" type="number" placeholder="as long as it takes" />
          {plan && <Plan plan={plan} />}
          <footer>
            <Button onClick={() => dialog.current?.close()}>Cancel</Button>
            <Button type="submit" primary disabled={waiting}>
              {plan === undefined ? "Show the plan" : "Start"}
            </Button>
          </footer>
        </form>
      </dialog>
    </>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "number";
  readonly required?: boolean;
  readonly pattern?: string;
  readonly placeholder: string;
}

function Field({ label, ...input }: FieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input {...input} className="entry" autoComplete="off" />
    </label>
  );
}

/** What `pioneer train --plan` says, as far as it is words and numbers. */
function Plan({ plan }: { readonly plan: Readonly<Record<string, unknown>> }) {
  const plain = Object.entries(plan).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return (
    <dl className="plan">
      {plain.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function bodyOf(form: FormData): StartBody {
  const text = (name: string) => (form.get(name) as string).trim();
  const numbers = ["resolution", "latent", "minutes"].filter((name) => text(name) !== "");
  return {
    id: text("id"),
    options: { data: text("data"), ...Object.fromEntries(numbers.map((name) => [name, Number(text(name))])) },
  };
}
