import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { openSource } from "../../../src/data/sources/open.ts";
import { entriesOf, type Files, png, writeFiles, writeTar, writeZip } from "../support.ts";

const folder = temporaryFolder();
let image: Buffer;
beforeAll(async () => {
  image = await png(8, 8, [10, 20, 30]);
});

async function seen(path: string): Promise<{ names: string[]; notes: readonly string[] }> {
  const source = await openSource(path, 8);
  await source.close();
  return { names: entriesOf(source).map(({ name }) => name), notes: source.notes };
}

/** The same files as a folder, a tar, a compressed tar and a zip. */
async function everywhere(name: string, files: Files): Promise<string[]> {
  return [
    writeFiles(join(folder, name), files),
    await writeTar(join(folder, `${name}.tar`), files),
    await writeTar(join(folder, `${name}.tar.gz`), files),
    writeZip(join(folder, `${name}.zip`), files),
  ];
}

describe("left out and named, in folders and archives", () => {
  test("what programs leave behind, and masks of published sets", async () => {
    const files = {
      "a.png": image,
      "@eaDir/a.png/SYNOPHOTO_THUMB_M.png": image,
      "day/@eaDir/b.png": image,
      "day/b.png": image,
      "CelebAMask-HQ-mask-anno/0/00000_hair.png": image,
      "my @eaDir photos/c.png": image,
    };
    for (const path of await everywhere("nas", files)) {
      const { names, notes } = await seen(path);
      expect(names).toEqual(expect.arrayContaining(["a.png", "day/b.png", "my @eaDir photos/c.png"]));
      expect(names).toHaveLength(3);
      expect([...notes].sort()).toEqual([
        "left out: 1 file in folders named CelebAMask-HQ-mask-anno (masks of CelebAMask-HQ, a black and white picture for each part of a face)",
        "left out: 2 files in folders named @eaDir (thumbnails of a Synology)",
      ]);
    }
  });

  test("runs and model folders of ours, but no other folder with a config.json", async () => {
    const files = {
      "a.png": image,
      "runs/mine/config.json": "{}",
      "runs/mine/stats.jsonl": "",
      "runs/mine/recons-00000001.png": image,
      "runs/mine/samples/1.png": image,
      "runs/short/config.json": "{}",
      "runs/short/checkpoint-00000000.640/state.json": "{}",
      "runs/short/samples-00000000.640.png": image,
      "model/config.json": "{}",
      "model/generator.onnx": "",
      "model/preview.png": image,
      "other/config.json": "{}",
      "other/b.png": image,
    };
    for (const path of await everywhere("beside", files)) {
      const { names, notes } = await seen(path);
      expect([...names].sort()).toEqual(["a.png", "other/b.png"]);
      expect([...notes].sort()).toEqual([
        "ignored: 1 file (.json 1), not images",
        "left out: 3 files in model/, a run or model of this program",
        "left out: 3 files in runs/short/, a run or model of this program",
        "left out: 4 files in runs/mine/, a run or model of this program",
      ]);
    }
  });

  test("a run folder that is given itself is looked into", async () => {
    const run = writeFiles(join(folder, "itself"), { "config.json": "{}", "stats.jsonl": "", "a.png": image });
    expect((await seen(run)).names).toEqual(["a.png"]);
  });
});

test("links in archives are counted, as they have no content", async () => {
  const writing = pack();
  writing.entry({ name: "day1/a.png" }, image);
  writing.entry({ name: "day2/a.png", type: "link", linkname: "day1/a.png" });
  writing.entry({ name: "day2/b.png", type: "symlink", linkname: "/photos/b.png" });
  writing.entry({ name: "day2/readme", type: "symlink", linkname: "/etc/passwd" });
  writing.finalize();
  const bytes = await buffer(writing);
  writeFileSync(join(folder, "links.tar"), bytes);
  writeFileSync(join(folder, "links.tgz"), gzipSync(bytes));
  const two =
    "left out: 2 links (first: day2/a.png), whose content lies elsewhere; to have them, unpack the archive and give the folder";
  expect(await seen(join(folder, "links.tar"))).toEqual({ names: ["a.png"], notes: [two] });
  expect(await seen(join(folder, "links.tgz"))).toEqual({ names: ["a.png"], notes: [two] });

  const zip = writeZip(join(folder, "links.zip"), { "a.png": image, "b.png": "../b.png" }, ({ name, rest }) => {
    if (name === "b.png") rest.writeUInt32LE(0o120777 * 2 ** 16, 6);
  });
  expect(await seen(zip)).toEqual({
    names: ["a.png"],
    notes: [
      "left out: 1 link (first: b.png), whose content lies elsewhere; to have it, unpack the archive and give the folder",
    ],
  });
});

describe("zips of other programs", () => {
  test("absolute names and those of Windows are names inside the zip", async () => {
    const path = writeZip(join(folder, "absolute.zip"), {
      "/photos/a.png": image,
      "C:\\photos\\b.png": image,
      "./photos/c.png": image,
    });
    expect((await seen(path)).names).toEqual(["a.png", "b.png", "c.png"]);
    const outside = writeZip(join(folder, "outside.zip"), { "../a.png": image });
    await expect(seen(outside)).rejects.toThrow("invalid relative path: ../a.png");
  });

  test.each([
    [(fields: Buffer) => void fields.writeUInt16LE(9, 4), "is packed with Deflate64 (a.png), which is not read"],
    [
      (fields: Buffer) => {
        fields.writeUInt16LE(0x0801, 2);
        fields.writeUInt32LE(fields.readUInt32LE(14) + 12, 14); // the key's check
      },
      "is encrypted (a.png)",
    ],
  ])("what cannot be unpacked is refused with the command that can (%#)", async (edit, message) => {
    const path = writeZip(join(folder, "other program.zip"), { "a.png": image }, ({ fields }) => edit(fields));
    await expect(seen(path)).rejects.toThrow(
      `${path} ${message}: unpack it with \`7z x '${path}'\` and give the folder`,
    );
  });
});

test("an address is refused with the command that fetches it", async () => {
  await expect(seen("https://example.org/my photos.zip")).rejects.toThrow(
    "https://example.org/my photos.zip is an address, and nothing is downloaded: fetch it, for instance with `curl -LO 'https://example.org/my photos.zip'`, and give the file",
  );
});

test("an archive of another kind is refused with the command that unpacks it", async () => {
  const path = join(folder, "photos.tar.xz");
  writeFileSync(path, "\xfd7zXZ\0\0\x04", "latin1");
  await expect(seen(path)).rejects.toThrow(
    `${path} is a file packed with xz, which is not read: unpack it with \`tar xJf ${path}\` and give the folder`,
  );
  expect(readFileSync(path)).toHaveLength(8);
});
