import type { Point } from "pioneer-runtime";

/** Which way an arrow key goes: right and down are 1. */
export const arrows: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Where a pointer is, in shares of an element: [0, 0] at its upper left corner, [1, 1] at the other. */
export function shareOf({ clientX, clientY }: Pick<MouseEvent, "clientX" | "clientY">, element: Element): Point {
  const { left, top, width, height } = element.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height];
}
