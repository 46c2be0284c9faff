import { type ComponentProps, useState } from "react";
import { Slider } from "./slider.tsx";

/** Of an axis 3 spreads either way: beyond, the generator has seen nothing. */
export const strongest = 3;

interface StrengthSliderProps extends Omit<ComponentProps<typeof Slider>, "min" | "max" | "step" | "rest" | "format"> {
  /** Where it ends, either way; further out while a value is beyond, of an edit that was saved. */
  readonly reach?: number;
}

/** How far to go along a direction. */
export function StrengthSlider({ reach = strongest, ...props }: StrengthSliderProps) {
  const { value, onChange, onEnd } = props;
  // While it is dragged back from beyond, its ends stay where they are.
  const [held, setHeld] = useState<number>();
  const end = held ?? Math.max(reach, Math.abs(value));
  const change = (to: number) => {
    setHeld(end);
    onChange(to);
  };
  const letGo = () => {
    setHeld(undefined);
    onEnd?.();
  };
  return <Slider {...props} min={-end} max={end} step={0.05} format={signed} onChange={change} onEnd={letGo} />;
}

const signed = (value: number) => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2));
