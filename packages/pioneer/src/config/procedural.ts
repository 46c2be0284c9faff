// Sources of images that are drawn instead of read: what they are called.

const prefix = "procedural:";

/** Whether a source is drawn, be it one that there is or not. */
export const isDrawn = (source: string): boolean => source.startsWith(prefix);

/** "procedural:faces" -> "faces" */
export const drawnName = (source: string): string => source.slice(prefix.length);
