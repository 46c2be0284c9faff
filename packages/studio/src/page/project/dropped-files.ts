/**
 * Files that were dropped, and all files in folders that were. They are asked for at once: afterwards the browser has
 * forgotten what was dropped.
 */
export async function droppedFiles(items: Iterable<DataTransferItem>): Promise<File[]> {
  const found = Array.from(items, async (item) => {
    const entry = item.webkitGetAsEntry();
    return entry?.isDirectory ? filesOf(entry) : [item.getAsFile()];
  });
  return (await Promise.all(found)).flat().filter((file) => file !== null);
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (isFolder(entry)) return (await Promise.all((await entriesOf(entry)).map(filesOf))).flat();
  return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
}

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** A reader gives some at a time, and none at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
