import "../ui/entry.css";
import { HardDriveDownload, Pencil } from "lucide-react";
import { type FormEvent, useState } from "react";
import { hasServer } from "../api/client.ts";
import { saveIntoModel } from "../teach/save-direction.ts";
import { IconButton } from "../ui/button.tsx";
import { StrengthSlider } from "../ui/strength-slider.tsx";
import { type Axis, nameAxis, walk, walkEnded } from "./axes-state.ts";

interface AxisRowProps {
  readonly axis: Axis;
  readonly index: number;
  readonly strength: number;
}

/** A slider along an axis, and its name, which can be changed. */
export function AxisRow({ axis, index, strength }: AxisRowProps) {
  const [naming, setNaming] = useState(false);
  const { name, named, direction } = axis;
  return (
    <div className="axis-row">
      {naming ? (
        <AxisName axis={axis} onDone={() => setNaming(false)} />
      ) : (
        <StrengthSlider
          label={name}
          value={strength}
          onChange={(value) => walk({ [index]: value })}
          onEnd={walkEnded}
        />
      )}
      {!naming && <IconButton icon={Pencil} label={`Name ${name}`} onClick={() => setNaming(true)} />}
      {!naming && named && hasServer() && (
        <IconButton
          icon={HardDriveDownload}
          label={`Save ${name} into the model`}
          onClick={() => void saveIntoModel(name, direction)}
        />
      )}
    </div>
  );
}

interface AxisNameProps {
  readonly axis: Axis;
  readonly onDone: () => void;
}

function AxisName({ axis, onDone }: AxisNameProps) {
  const [text, setText] = useState(axis.named ? axis.name : "");
  const done = (event: FormEvent) => {
    event.preventDefault();
    nameAxis(axis, text);
    onDone();
  };
  return (
    <form className="axis-name" onSubmit={done}>
      <input
        // biome-ignore lint/a11y/noAutofocus: it comes in place of the button that was pressed
        autoFocus
        className="entry"
        aria-label={`Name of ${axis.name}`}
        placeholder="what it changes: light, hair, …"
        maxLength={100}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={done}
        onKeyDown={(event) => event.key === "Escape" && onDone()}
      />
    </form>
  );
}
