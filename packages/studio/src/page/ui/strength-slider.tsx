import type { ComponentProps } from "react";
import { Slider } from "./slider.tsx";

/** 3 spreads either way: beyond, the generator has seen nothing. */
export const strongest = 3;

type StrengthSliderProps = Omit<ComponentProps<typeof Slider>, "min" | "max" | "step" | "rest" | "format">;

/** How far to go along a direction. */
export const StrengthSlider = (props: StrengthSliderProps) => (
  <Slider {...props} min={-strongest} max={strongest} step={0.05} format={signed} />
);

const signed = (value: number) => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2));
