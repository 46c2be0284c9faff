// Numbers as people read them.

/** Bytes as people read them, in powers of 1024: "1.5 GiB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** 59 s, 12 min, 3 h 05 min, 2 d 4 h; rounded to what a person waits for. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 59.5) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Thousands of images, with two decimals while they are few. */
export function formatKimg(images: number): string {
  const kimg = images / 1000;
  return kimg < 100 ? String(Number(kimg.toFixed(2))) : kimg.toFixed(0);
}

/** Images per second with three digits. */
export function formatRate(imagesPerSecond: number): string {
  return String(Number(imagesPerSecond.toPrecision(3)));
}
