// Archives that lie about their contents, and sources that are no files.
import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { commandIn } from "../../support/command.ts";
import { fixture } from "../../support/fixture.ts";
import { png, writeZip } from "../support.ts";

const folder = temporaryFolder();
const { expectError } = commandIn(folder);

test("a stored photo of a zip whose bits flipped is skipped by name", async () => {
  const photo = await png(8, 8, (x, y) => [x, y, 0]);
  const path = writeZip(join(folder, "flipped.zip"), { "a.png": photo, "b.png": photo });
  const bytes = readFileSync(path);
  // The last byte of the first photo's data: libvips does not look at it.
  const at = 30 + "a.png".length + photo.length - 1;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
  const { skipped, pack } = await prepareDataset({ source: path, out: join(folder, "flipped.pack"), resolution: 4 });
  expect(skipped).toEqual([
    { name: "a.png", reason: "is damaged: its checksum (CRC-32) is not the one in the archive" },
  ]);
  expect(pack.count).toBe(1);
});

test("labels that unpack to more than labels have are refused unread", () => {
  const { script, args } = {
    script:
      "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED); z.write(sys.argv[2], 'a.jpg'); z.writestr('labels.csv', b'a' * (129 << 20))",
    args: [join(folder, "labels.zip"), fixture("imagefolder/faces/color/a.jpg")],
  };
  execFileSync("python3", ["-c", script, ...args]);
  expectError(
    ["dataset", "prepare", "labels.zip", "labels.pack"],
    1,
    "labels.csv has 129.0 MiB, at most 128.0 MiB of labels are read",
  );
});

test.each(["/dev/zero", "pipe", "zero.zip", "zero.tar", "zero.pack"])(
  "%s is no source, and is not waited for",
  (name) => {
    if (name === "pipe") execFileSync("mkfifo", [join(folder, name)]);
    else if (!name.startsWith("/")) symlinkSync("/dev/zero", join(folder, name));
    const device = `${name}: this is a device or a pipe; give a file`;
    expectError(["dataset", "prepare", name, "out.pack", "--resolution", "4"], 1, device);
    expectError(["info", name], 1, device);
  },
);
