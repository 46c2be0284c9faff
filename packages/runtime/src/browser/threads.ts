/** More than these gain little on pictures of this size, and a page has other work. */
const mostChosen = 4;

/**
 * Threads that ONNX Runtime can have in this page: no more than it has processors, and one alone where it is not
 * cross-origin isolated, as threads need shared memory.
 * @param asked the option `threads`; default all processors up to four
 */
export function threadsHere(asked: number | undefined): number {
  if (!globalThis.crossOriginIsolated) return 1;
  const processors = navigator.hardwareConcurrency || 1;
  return Math.min(asked ?? mostChosen, processors);
}
