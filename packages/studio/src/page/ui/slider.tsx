import "./range.css";
import "./slider.css";
import { RotateCcw } from "lucide-react";
import { type CSSProperties, type ReactNode, useId } from "react";

interface SliderProps {
  readonly label: ReactNode;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Where it rests: the bar is filled from here, and a double click goes back to it. */
  readonly rest?: number;
  readonly format?: (value: number) => string;
  /** A word beside the label, such as a score. */
  readonly aside?: string;
  /** A line below. */
  readonly note?: ReactNode;
  readonly disabled?: boolean;
  readonly onChange: (value: number) => void;
  /** The pointer or the key was let go. */
  readonly onEnd?: () => void;
}

const plain = (value: number) => String(value);

/** A range with its value; arrow keys work as in every browser. */
export function Slider({
  label,
  value,
  min,
  max,
  step,
  rest = 0,
  format = plain,
  aside,
  note,
  disabled,
  onChange,
  onEnd,
}: SliderProps) {
  const id = useId();
  const share = (of: number) => `${(100 * (of - min)) / (max - min)}%`;
  const fill = {
    "--from": share(Math.min(value, rest)),
    "--to": share(Math.max(value, rest)),
    "--rest": share(rest),
  } as CSSProperties;
  const reset = () => {
    onChange(rest);
    onEnd?.();
  };
  return (
    <div className="slider" data-moved={value !== rest}>
      <label htmlFor={id}>
        {label}
        {aside && <small>{aside}</small>}
      </label>
      <button
        type="button"
        className="slider-reset"
        onClick={reset}
        disabled={value === rest}
        aria-label={`Reset ${typeof label === "string" ? label : "this"}`}
        title="Reset"
      >
        <RotateCcw aria-hidden size={13} />
      </button>
      <output htmlFor={id}>{format(value)}</output>
      <input
        id={id}
        type="range"
        className="range"
        style={fill}
        value={value}
        min={min}
        max={max}
        step={step}
        disabled={disabled}
        aria-valuetext={format(value)}
        onChange={(event) => onChange(event.currentTarget.valueAsNumber)}
        onPointerUp={onEnd}
        onKeyUp={onEnd}
        onDoubleClick={reset}
      />
      {note && <p className="slider-note">{note}</p>}
    </div>
  );
}
