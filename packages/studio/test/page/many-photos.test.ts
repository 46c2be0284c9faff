import { expect, test } from "vitest";
import { namer, picturesAmong } from "../../src/page/batch/chosen.ts";
import { droppedFiles } from "../../src/page/project/dropped-files.ts";

const file = (name: string, type = "") => new File([], name, { type });

test("of a folder's files, the pictures are taken in the order of their names", () => {
  const files = ["10.jpg", "2.JPG", "notes.txt", ".hidden.jpg", "a.heic"].map((name) => file(name));
  const found = picturesAmong([...files, file("camera", "image/png")]);
  expect(found.map(({ path }) => path)).toEqual(["2.JPG", "10.jpg", "a.heic", "camera"]);
});

test("no two edited photos get one name, on a disk that takes A and a for the same either", () => {
  const nameOf = namer();
  const names = ["b/a.jpg", "b/a.png", "b/A.jpg", "a.jpg", "b.c/a"].map(nameOf);
  expect(names).toEqual(["b/a edited.png", "b/a edited 2.png", "b/A edited 3.png", "a edited.png", "b.c/a edited.png"]);
});

test("folders that are dropped are read through, as browsers give their entries: some at a time", async () => {
  const fileEntry = (name: string) => ({ isDirectory: false, file: (give: (found: File) => void) => give(file(name)) });
  const folder = (...batches: object[][]) => ({
    isDirectory: true,
    createReader: () => ({ readEntries: (give: (entries: object[]) => void) => give(batches.shift() ?? []) }),
  });
  const dropped = [
    { webkitGetAsEntry: () => fileEntry("one.jpg"), getAsFile: () => file("one.jpg") },
    { webkitGetAsEntry: () => folder([fileEntry("a"), folder([fileEntry("b")])], [fileEntry("c")]) },
    // A text that is dropped is no file; pictures made by a script have no entry.
    { webkitGetAsEntry: () => null, getAsFile: () => null },
    { webkitGetAsEntry: () => null, getAsFile: () => file("two.jpg") },
  ] as unknown as DataTransferItem[];
  expect((await droppedFiles(dropped)).map(({ name }) => name)).toEqual(["one.jpg", "a", "b", "c", "two.jpg"]);
});
