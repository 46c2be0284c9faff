/// <reference lib="dom" />
// Functions that are sent into the page: each stands alone.

/**
 * Changes the first slider again and again, each time to another value, once the one before is seen.
 * @returns for each change the milliseconds until a frame with it was drawn
 */
export async function slide(count: number): Promise<number[]> {
  const slider = document.querySelector<HTMLInputElement>(".directions input[type='range']");
  const canvas = document.querySelector<HTMLCanvasElement>(".result canvas");
  // React listens to this input through a setter of its own; the browser's stands in the prototype.
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its element below
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
  if (!slider || !canvas || !setValue) throw new Error("there is no slider, or no picture");
  const prototype = CanvasRenderingContext2D.prototype;
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its context below
  const draw = prototype.drawImage;
  let onDrawn = () => undefined as unknown;
  prototype.drawImage = function (this: CanvasRenderingContext2D, ...args: unknown[]) {
    Reflect.apply(draw, this, args);
    if (this.canvas === canvas) onDrawn();
  };
  const steps = Math.floor(Number(slider.max) / Number(slider.step) + 1e-6);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const drawn = new Promise<void>((resolve) => {
      onDrawn = () => resolve();
    });
    const start = performance.now();
    // All lie within the slider, none is 0, and none comes twice in a row.
    setValue.call(slider, String(Number(slider.step) * (((i * 37) % steps) + 1)));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn;
    // What was drawn is in the next frame; a message comes after that frame was made.
    await new Promise((resolve) => requestAnimationFrame(resolve));
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(undefined);
    });
    times.push(performance.now() - start);
  }
  prototype.drawImage = draw;
  return times;
}

/**
 * Drops a photo as soon as the page takes one, and notes when its reconstruction is drawn.
 * @param photo a JPEG in base64
 */
export function installFirstVisit(photo: string): void {
  const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
  let dropped = false;
  const look = () => {
    const place = document.querySelector(".drop-anywhere");
    if (!dropped && place && document.querySelector(".edit-empty .primary")) {
      dropped = true;
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
      place.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }
    // The word on the reconstruction comes with its picture.
    if (dropped && document.querySelector(".result .quality")) {
      requestAnimationFrame(() => {
        Object.assign(globalThis, { reconstructedAt: performance.now() });
      });
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
