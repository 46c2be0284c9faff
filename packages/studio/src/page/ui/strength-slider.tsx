import type { ComponentProps } from "react";
import { Slider } from "./slider.tsx";

/** Of an axis 3 spreads either way: beyond, the generator has seen nothing. */
export const strongest = 3;

interface StrengthSliderProps extends Omit<ComponentProps<typeof Slider>, "min" | "max" | "step" | "rest" | "format"> {
  /** Where it ends, either way. A value beyond, of an edit that was saved, moves the ends. */
  readonly reach?: number;
}

/** How far to go along a direction. */
export function StrengthSlider({ reach = strongest, ...props }: StrengthSliderProps) {
  const end = Math.max(reach, Math.abs(props.value));
  return <Slider {...props} min={-end} max={end} step={0.05} format={signed} />;
}

const signed = (value: number) => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2));
