import { type ComponentProps, useState } from "react";
import { Slider } from "./slider.tsx";

/** Of an axis 3 spreads either way: beyond, the generator has seen nothing. */
export const strongest = 3;

interface StrengthSliderProps extends Omit<ComponentProps<typeof Slider>, "min" | "max" | "step" | "rest" | "format"> {
  /** Where it ends, either way; further out where a value is beyond, of an edit that was saved, until it is reset. */
  readonly reach?: number;
}

/** How far to go along a direction. */
export function StrengthSlider({ reach = strongest, ...props }: StrengthSliderProps) {
  const size = Math.abs(props.value);
  const [furthest, setFurthest] = useState(size);
  // While it is dragged back its ends stay where they are.
  if (size > furthest || (size === 0 && furthest > 0)) setFurthest(size);
  const end = Math.max(reach, furthest);
  return <Slider {...props} min={-end} max={end} step={0.05} format={signed} />;
}

const signed = (value: number) => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2));
