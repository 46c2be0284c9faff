/** A photo of many, and where it lay in the folder that was chosen. */
export interface ChosenPhoto {
  readonly file: File;
  /** With slashes; of a file that was chosen by itself its name. */
  readonly path: string;
}

const pictureName = /\.(jpe?g|png|webp|gif|avif|bmp|hei[cf])$/i;

/** Those that seem to be pictures, in the order of their names; a folder holds other things too. */
export function picturesAmong(files: readonly File[]): ChosenPhoto[] {
  return files
    .filter(({ name, type }) => !name.startsWith(".") && (type.startsWith("image/") || pictureName.test(name)))
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

/** Gives names to edited files: a/b.jpg becomes "a/b edited.png", and a second photo of this name "a/b edited 2.png". */
export function namer(): (path: string) => string {
  const taken = new Set<string>();
  return (path) => {
    const stem = `${path.replace(/\.[^./]+$/, "")} edited`;
    let name = `${stem}.png`;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${stem} ${count}.png`;
    taken.add(name.toLowerCase());
    return name;
  };
}
