import { ChevronLeft, ChevronRight, X } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useEffect, useRef, useState } from "react";
import type { Grid } from "../../shared/runs.ts";
import { IconButton } from "../ui/button.tsx";
import { gridAddress } from "./watch-state.ts";

/** Pictures of a run have eight columns, and two white pixels between cells (pioneer's pictures/grid.ts). */
const [columns, gap] = [8, 2];

interface GridPictureProps {
  readonly run: string;
  readonly grids: readonly Grid[];
  readonly grid: Grid;
}

interface Cell {
  readonly column: number;
  readonly row: number;
}

/** A grid; a click enlarges one face of it. */
export function GridPicture({ run, grids, grid }: GridPictureProps) {
  const [cell, setCell] = useState<Cell>();
  const open = (event: MouseEvent<HTMLElement>) => {
    const image = event.currentTarget.querySelector("img") as HTMLImageElement;
    const { left, top, width } = image.getBoundingClientRect();
    const pitch = width / columns;
    // By key there is no place: the first face.
    const [x, y] = event.detail === 0 ? [0, 0] : [event.clientX - left, event.clientY - top];
    setCell({
      column: Math.max(0, Math.min(columns - 1, Math.floor(x / pitch))),
      row: Math.max(0, Math.floor(y / pitch)),
    });
  };
  return (
    <>
      <button type="button" className="grid-picture" aria-label="Enlarge a face" onClick={open}>
        <img src={gridAddress(run, grid)} alt={`${grid.kind} of ${run} at ${grid.kimg ?? 0} thousand images`} />
      </button>
      {cell && <Life run={run} grids={grids} grid={grid} cell={cell} onClose={() => setCell(undefined)} />}
    </>
  );
}

interface LifeProps extends GridPictureProps {
  readonly cell: Cell;
  readonly onClose: () => void;
}

/** One face through the run: left and right go from one picture to the next, up and down are other faces. */
function Life({ run, grids, grid, cell, onClose }: LifeProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const moments = grids.filter(({ kind }) => kind === grid.kind);
  const [index, setIndex] = useState(() => moments.findIndex(({ name }) => name === grid.name));
  const [at, setAt] = useState(cell);
  const shown = moments[Math.max(0, index)] ?? grid;
  useEffect(() => dialog.current?.showModal(), []);
  const step = (by: number) => setIndex((now) => Math.max(0, Math.min(moments.length - 1, now + by)));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowUp") setAt(({ column, row }) => neighbour(column, row, -1));
    else if (event.key === "ArrowDown") setAt(({ column, row }) => neighbour(column, row, 1));
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} className="life" aria-label="One face through the run" onClose={onClose} onKeyDown={onKeyDown}>
      <Face address={gridAddress(run, shown)} cell={at} />
      <footer>
        <IconButton icon={ChevronLeft} label="Earlier" hint="←" disabled={index <= 0} onClick={() => step(-1)} />
        <span aria-live="polite">{shown.kimg === null ? "Photo" : `${shown.kimg} kimg`}</span>
        <IconButton
          icon={ChevronRight}
          label="Later"
          hint="→"
          disabled={index >= moments.length - 1}
          onClick={() => step(1)}
        />
        <IconButton icon={X} label="Close" hint="Esc" onClick={() => dialog.current?.close()} />
      </footer>
    </dialog>
  );
}

function neighbour(column: number, row: number, by: 1 | -1): Cell {
  const at = Math.max(0, row * columns + column + by);
  return { column: at % columns, row: Math.floor(at / columns) };
}

const faceSide = 512;

function Face({ address, cell }: { readonly address: string; readonly cell: Cell }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new Image();
    image.src = address;
    let current = true;
    image.decode().then(
      () => {
        const context = canvas.current?.getContext("2d");
        if (!current || !context) return;
        const side = (image.naturalWidth - (columns - 1) * gap) / columns;
        const [x, y] = [cell.column * (side + gap), cell.row * (side + gap)];
        context.imageSmoothingQuality = "high";
        context.clearRect(0, 0, faceSide, faceSide);
        context.drawImage(image, x, y, side, side, 0, 0, faceSide, faceSide);
      },
      // The picture was written again meanwhile: the next one comes with the next event.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [address, cell]);
  return <canvas ref={canvas} width={faceSide} height={faceSide} role="img" aria-label="The enlarged face" />;
}
