/** Gives the person a file, as a download. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has the file's address once the click was handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
