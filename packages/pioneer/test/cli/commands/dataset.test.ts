import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { openPack } from "../../../src/data/pack/pack.ts";
import { sourceKinds } from "../../../src/data/sources/kinds.ts";
import { bin, Pioneer } from "../../support/cli.ts";
import { commandIn } from "../../support/command.ts";
import { fixture } from "../../support/fixture.ts";

const folder = temporaryFolder();
const { pioneer, expectError } = commandIn(folder);

describe("packs", () => {
  test("prepare packs what it can, names what it skipped, and info shows it", async () => {
    const photos = join(folder, "photos");
    mkdirSync(photos);
    for (let i = 0; i < 3; i++) {
      const colour = { r: 100 * i, g: 50, b: 9 };
      await sharp({ create: { width: 40, height: 30, channels: 3, background: colour } }).toFile(
        join(photos, `${i}.png`),
      );
    }
    writeFileSync(join(photos, "broken.jpg"), "not a picture");
    const pack = join(folder, "photos.pack");
    const made = pioneer("dataset", "prepare", photos, pack, "--resolution", "16", "--json");
    expect(made.status).toBe(0);
    expect(JSON.parse(made.stdout)).toMatchObject({
      files: [pack],
      pack: { kind: "pack", count: 3, resolution: 16, colour: "rgb", skipped: [{ name: "broken.jpg" }] },
    });
    const sheet = join(folder, "sheet.png");
    const shown = pioneer("dataset", "info", pack, "--verify", "--sheet", sheet);
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    expect(shown.stdout).toContain("images   3 of 16x16, rgb, crop center\n");
    expect(shown.stdout).toContain("all checksums good");
    expect(shown.stdout).toContain(`wrote ${sheet}\n`);
    const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([3 * 64 + 2 * 2, 64]);
    expect([...data.subarray(0, 3)]).toEqual([0, 50, 9]);
    expect(pioneer("info", pack, "--json").stdout).toContain('"kind":"pack"');
    expectError(
      ["dataset", "info", pack, "--sheet", "sheet.jpg"],
      2,
      "--sheet sheet.jpg: a contact sheet is a PNG, give it a name that ends in .png",
    );
    // A disk that cannot take the output: told, and in the exit code.
    const full = openSync("/dev/full", "w");
    const cut = spawnSync(process.execPath, [bin, "info", pack], { encoding: "utf8", stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    expect([cut.status, cut.stderr]).toEqual([
      1,
      "pioneer: the output is not whole: ENOSPC: no space left on device, write\n",
    ]);
  });

  test("SIGTERM, SIGUSR1 and Ctrl-C while packing end with 143 and 130 and keep what is done; the same command goes on", async () => {
    const pack = join(folder, "drawn.pack");
    const args = ["dataset", "prepare", "procedural:faces", pack, "--resolution", "32", "--count", "1000"];
    const stoppedBy = async (signal: NodeJS.Signals) => {
      const packing = new Pioneer(folder, args);
      // The first line comes after a tenth of the images.
      await packing.says(/^/);
      packing.child.kill(signal);
      const { code, stderr } = await packing.end;
      const stopped = /^pioneer: stopped after (\d+) of 1000 images; the same command goes on from there\n$/;
      return { code, done: Number(stopped.exec(stderr)?.[1]) };
    };
    const terminated = await stoppedBy("SIGTERM");
    expect(terminated).toEqual({ code: 143, done: expect.toSatisfy((done: number) => done >= 100) });
    const used = await stoppedBy("SIGUSR1");
    expect(used).toEqual({ code: 143, done: expect.toSatisfy((done: number) => done > terminated.done) });
    const interrupted = await stoppedBy("SIGINT");
    expect(interrupted).toEqual({ code: 130, done: expect.toSatisfy((done: number) => done > used.done) });
    expect(existsSync(pack)).toBe(false);
    const { status, stdout } = pioneer(...args);
    expect(status).toBe(0);
    expect(stdout).toContain(`went on after ${interrupted.done} images that were done before\n`);
    expect(stdout).toContain("images   1000 of 32x32");
  });

  test("packing that was started without a terminal, as under nohup, goes on after a logout", async () => {
    const pack = join(folder, "nohup.pack");
    const args = ["dataset", "prepare", "procedural:faces", pack, "--resolution", "32", "--count", "200"];
    const packing = new Pioneer(folder, args);
    await packing.says(/^/);
    packing.child.kill("SIGHUP");
    expect(await packing.end).toMatchObject({ code: 0, stderr: "" });
    expect(openPack(pack).count).toBe(200);
  });

  test("a published data set by name, with its speed; dumped as the network sees it", () => {
    const pack = join(folder, "cifar.pack");
    const made = pioneer("dataset", "prepare", fixture("datasets/cifar-10-batches-py"), pack, "--source", "cifar10");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toMatch(/^packed 12 images in \d+ s, [\d.]+ images\/s$/m);
    expect(made.stdout).toContain("splits   train 8, test 4\n");
    const out = join(folder, "dumped");
    const dumped = pioneer(
      "dataset",
      "dump",
      pack,
      "--phase",
      "2",
      "--alpha",
      "0.5",
      "--count",
      "3",
      "--out",
      out,
      "--json",
    );
    expect(dumped.status).toBe(0);
    expect(JSON.parse(dumped.stdout)).toEqual({ files: [out], images: 3, resolution: 16, skipped: [] });
    expect(readdirSync(out)).toHaveLength(3);
    const wrong = pioneer(
      "dataset",
      "prepare",
      fixture("datasets/celebahq.h5"),
      join(folder, "hq.pack"),
      "--resolution",
      "128",
    );
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/^pioneer: [^\n]*celebahq\.h5: has no data128x128; it has 4, 8, 16, 32, 64[^\n]*\n$/);
    expect(existsSync(join(folder, "hq.pack.part"))).toBe(false);
    expectError(
      ["dataset", "prepare", "a", "b", "--source", "mnist"],
      2,
      `--source: expected ${sourceKinds.join(" or ")}, got "mnist"`,
    );
  });

  test("an empty folder fails with 1 and leaves nothing", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const { status, stderr } = pioneer("dataset", "prepare", empty, join(folder, "out", "empty.pack"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^pioneer: [^\n]*empty: no images found[^\n]*\n$/);
    expect(existsSync(join(folder, "out")) ? readdirSync(join(folder, "out")) : []).toEqual([]);
  });
});
