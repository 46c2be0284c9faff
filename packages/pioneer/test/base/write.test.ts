// Files are written into folders that may come from somebody else: never through a link, whole or not at all, and nothing stays.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { writeFolderBeside } from "../../src/base/whole-folder.ts";
import {
  appendWhole,
  createFile,
  createFileLater,
  createWith,
  makeOurFolder,
  openOurs,
  replaceFile,
  writeWhole,
} from "../../src/base/write.ts";
import { lockRun, saveConfig } from "../../src/checkpoint/run-folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { addToRun } from "../../src/directions/file.ts";
import { replaceModelFile } from "../../src/models/model-folder.ts";
import { TensorboardWriter } from "../../src/train/tensorboard.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();
const mine = join(folder, "mine.txt");
const path = join(folder, "ours");
beforeEach(() => {
  rmSync(path, { recursive: true, force: true });
  writeFileSync(mine, "mine");
});

describe("what a link points at stays as it is", () => {
  const replacing: Record<string, () => unknown> = {
    createFile: () => createFile(path),
    createFileLater: async () => (await createFileLater(path)).close(),
    createWith: () => createWith(path, "ours"),
    replaceFile: () => replaceFile(path, "ours"),
    writeWhole: () => writeWhole(path, Buffer.from("ours")),
  };
  test.each(Object.entries(replacing))("%s replaces the link", async (_, write) => {
    symlinkSync(mine, path);
    symlinkSync(mine, `${path}.writing`);
    await write();
    expect(readFileSync(mine, "utf8")).toBe("mine");
    expect(readFileSync(path, "utf8")).not.toBe("mine");
    rmSync(`${path}.writing`, { force: true });
  });

  const goingOn: Record<string, () => unknown> = {
    "openOurs to append": () => openOurs(path, "append"),
    "openOurs to change": () => openOurs(path, "change"),
    appendWhole: () => appendWhole(path, "ours"),
  };
  test.each(Object.entries(goingOn))("%s refuses the link", (_, write) => {
    symlinkSync(mine, path);
    expect(write).toThrow(/ELOOP/);
    expect(readFileSync(mine, "utf8")).toBe("mine");
  });

  test("nor are folders of ours looked for behind links", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    symlinkSync(elsewhere, path);
    expect(() => makeOurFolder(path)).toThrow(`${path} is no folder, and so not written to: move it away`);
    expect(() => new TensorboardWriter(path, 0)).toThrow("is no folder");
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("a pipe is not waited for", () => {
    execFileSync("mkfifo", [path]);
    expect(() => appendWhole(path, "ours")).toThrow(`${path} is no file, and so not written to: move it away`);
  });
});

describe("a run or model folder full of links", () => {
  const linked = (...names: readonly string[]) => {
    mkdirSync(path);
    for (const name of names) symlinkSync(mine, join(path, name));
  };

  test("a run's lock, configuration and directions", async () => {
    linked(".lock", "config.json.writing", "directions.json.writing");
    await expect(lockRun(path, () => true)).rejects.toThrow(
      `${join(path, ".lock")}: a symbolic link is in its place, through which nothing is written or looked for; remove it`,
    );
    saveConfig(resolveTrainConfig({ data: "procedural:faces", run: path, resolution: 4 }));
    addToRun(join(path, "directions.json"), 1, {});
    expect(readFileSync(mine, "utf8")).toBe("mine");
    expect(readdirSync(path).sort()).toEqual([".lock", "config.json", "directions.json"]);
  });

  test("a model folder's directions", async () => {
    linked("directions.json.writing", "config.json.writing");
    writeFileSync(join(path, "config.json"), readFileSync(fixture("model-tiny/config.json")));
    await replaceModelFile(path, "directions.json", "{}");
    expect(readFileSync(mine, "utf8")).toBe("mine");
    expect(readdirSync(path).sort()).toEqual(["config.json", "directions.json"]);
  });
});

describe("what a killed process left", () => {
  const { pid } = spawnSync("true");
  const machine = hostname().replace(/[^\w.]/g, "_");

  test("goes when the same folder or file is written again; what others are writing stays", async () => {
    const place = join(folder, "place");
    mkdirSync(place);
    const others = [`.pioneer-${machine}-${process.ppid}-0.part`, `.pioneer-elsewhere-${pid}-0.part`, ".mine.part"];
    for (const name of [`.pioneer-${machine}-${pid}-0.part`, ...others]) writeFileSync(join(place, name), "");
    await writeWhole(join(place, "new"), Buffer.from("new"));
    expect(readdirSync(place).sort()).toEqual([...others, "new"].sort());

    mkdirSync(join(place, `out.writing-${machine}-${pid}-abcdef`));
    mkdirSync(join(place, `out.writing-${machine}-${process.ppid}-abcdef`));
    await writeFolderBeside(join(place, "out"), async (beside) => writeFileSync(join(beside, "file"), "new"));
    expect(
      readdirSync(place)
        .filter((name) => name.startsWith("out"))
        .sort(),
    ).toEqual(["out", `out.writing-${machine}-${process.ppid}-abcdef`]);
  });

  test("a folder that was being replaced comes back", async () => {
    const place = join(folder, "replaced");
    mkdirSync(join(place, `out.writing-${machine}-${pid}-abcdef`), { recursive: true });
    mkdirSync(join(place, `out.writing-${machine}-${pid}-abcdef.replaced`));
    writeFileSync(join(place, `out.writing-${machine}-${pid}-abcdef.replaced`, "old"), "");
    const refused = writeFolderBeside(join(place, "out"), async () => {
      throw new Error("not this time");
    });
    await expect(refused).rejects.toThrow("not this time");
    expect(readdirSync(place)).toEqual(["out"]);
    expect(readdirSync(join(place, "out"))).toEqual(["old"]);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"])("%s leaves nothing of a file or folder", (signal) => {
    const place = join(folder, signal);
    const source = (name: string) => JSON.stringify(fileURLToPath(new URL(`../../dist/base/${name}`, import.meta.url)));
    const script = `
      const { whileUnfinished } = await import(${source("unfinished.js")});
      const { writeFolderBeside } = await import(${source("whole-folder.js")});
      const { writeFileSync } = await import("node:fs");
      const file = ${JSON.stringify(join(place, "file.part"))};
      await writeFolderBeside(${JSON.stringify(join(place, "out"))}, async () => {
        writeFileSync(file, "half");
        whileUnfinished(file);
        process.kill(process.pid, "${signal}");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe(signal);
    expect(readdirSync(place)).toEqual([]);
  });
});
