// The photo with three dots on it, which people drag onto the eyes and the mouth.
import type { FacePoints, FaceTemplate, Point } from "pioneer-runtime";

const places = { eyeLeft: "left eye", eyeRight: "right eye", mouth: "mouth" } as const;
type Place = keyof typeof places;

/** Where the face is if the photo's middle square is placed as the model's photos are. */
export function firstGuess({ width, height }: ImageData, template: FaceTemplate): FacePoints {
  const side = Math.min(width, height);
  const at = ([x, y]: Point): Point => [(width - side) / 2 + side * x, (height - side) / 2 + side * y];
  return { eyeLeft: at(template.eyeLeft), eyeRight: at(template.eyeRight), mouth: at(template.mouth) };
}

/** @param onMove told of all three places, in pixels of the photo, whenever one has moved */
export function showPlacing(
  box: HTMLElement,
  photo: ImageData,
  first: FacePoints,
  onMove: (face: FacePoints) => void,
): void {
  const { width, height } = photo;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")?.putImageData(photo, 0, 0);
  box.replaceChildren(canvas);
  let face = first;
  for (const place of Object.keys(places) as Place[]) {
    const dot = document.createElement("button");
    dot.type = "button";
    dot.ariaLabel = dot.title = places[place];
    const move = ([x, y]: Point) => {
      const point: Point = [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];
      face = { ...face, [place]: point };
      dot.style.left = `${(100 * point[0]) / width}%`;
      dot.style.top = `${(100 * point[1]) / height}%`;
    };
    move(face[place]);
    dot.addEventListener("pointerdown", ({ pointerId }) => dot.setPointerCapture(pointerId));
    dot.addEventListener("pointermove", ({ pointerId, clientX, clientY }) => {
      if (!dot.hasPointerCapture(pointerId)) return;
      const shown = box.getBoundingClientRect();
      move([((clientX - shown.left) / shown.width) * width, ((clientY - shown.top) / shown.height) * height]);
      onMove(face);
    });
    dot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const [x, y] = face[place];
      move([x + ((step[0] ?? 0) * width) / 200, y + ((step[1] ?? 0) * width) / 200]);
      onMove(face);
    });
    box.append(dot);
  }
}
