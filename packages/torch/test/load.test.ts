// What is said where libtorch is missing, moved away or too old: at load, and when the addon is configured.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/folder.ts";
import { addonFolder, compilePackage, packageFolder, run } from "./support/node.ts";

const folder = compilePackage();
const ways = /libtorch-dev.*LIBTORCH/;

async function loadError(build: string) {
  const script = `
    try {
      await import("./index.js");
    } catch (error) {
      console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }));
    }`;
  const { code, stdout } = await run(folder, script, [], { PIONEER_TORCH_BUILD: build });
  expect(code).toBe(0);
  return JSON.parse(stdout) as { name: string; code: string; message: string };
}

test("no addon: one line that says how to build it", async () => {
  const empty = temporaryFolder();
  const { name, code, message } = await loadError(empty);
  expect([name, code]).toEqual(["LoadError", "LIBTORCH"]);
  expect(message).toContain(join(empty, "pioneer_torch.node"));
  expect(message).toMatch(/is not built: .*make build/);
  expect(message).toMatch(ways);
  expect(message).not.toContain("\n");
});

test("an addon whose libtorch is gone: one line that names the library and the mend", async () => {
  const build = temporaryFolder();
  const addon = readFileSync(join(addonFolder, "pioneer_torch.node"));
  const renamed = Buffer.from(addon.toString("latin1").replaceAll("libtorch_cpu", "libtorch_xyz"), "latin1");
  writeFileSync(join(build, "pioneer_torch.node"), renamed);
  const { code, message } = await loadError(build);
  expect(code).toBe("LIBTORCH");
  expect(message).toMatch(/libtorch_xyz.*cannot open shared object file/);
  expect(message).toMatch(ways);
  expect(message).not.toContain("\n");
});

test("a file that is no addon", async () => {
  const build = temporaryFolder();
  writeFileSync(join(build, "pioneer_torch.node"), "not a library");
  const { code, message } = await loadError(build);
  expect(code).toBe("LIBTORCH");
  expect(message).not.toContain("\n");
});

test("an addon that was copied elsewhere works from there", async () => {
  const build = temporaryFolder();
  copyFileSync(join(addonFolder, "pioneer_torch.node"), join(build, "pioneer_torch.node"));
  const script = `import { tensor } from "./index.js"; console.log(tensor([1, 2]).sum().item());`;
  expect(await run(folder, script, [], { PIONEER_TORCH_BUILD: build })).toMatchObject({ code: 0, stdout: "3\n" });
});

/** What CMake says, its line breaks undone. */
function configure(libtorch: string | undefined, ...options: string[]) {
  const { LIBTORCH: _, ...env } = process.env;
  const { status, stderr } = spawnSync("cmake", ["-S", packageFolder, "-B", temporaryFolder(), ...options], {
    encoding: "utf8",
    env: libtorch === undefined ? env : { ...env, LIBTORCH: libtorch },
  });
  return { status, said: stderr.replaceAll(/\s+/g, " ") };
}

test("configuring with a libtorch that is too old names it, the version needed and the mend", () => {
  const old = temporaryFolder();
  const cmake = join(old, "share", "cmake", "Torch");
  mkdirSync(cmake, { recursive: true });
  writeFileSync(join(cmake, "TorchConfig.cmake"), "");
  writeFileSync(join(cmake, "TorchConfigVersion.cmake"), 'set(PACKAGE_VERSION "1.8.1")\n');
  const { status, said } = configure(old);
  expect(status).toBe(1);
  expect(said).toMatch(/libtorch 1\.8\.1 \(.*\) is too old: Pioneer needs 1\.13 or newer/);
  expect(said).toMatch(ways);
});

test("configuring with LIBTORCH on a folder without one names the folder, and uses no other", () => {
  const empty = temporaryFolder();
  const { status, said } = configure(empty);
  expect(status).toBe(1);
  expect(said).toContain(`LIBTORCH=${empty} holds no libtorch`);
  expect(said).toMatch(ways);
});

test("configuring where there is no libtorch at all says how to get one", () => {
  // Packages are looked for in an empty folder only.
  const nowhere = ["-DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY", `-DCMAKE_FIND_ROOT_PATH=${temporaryFolder()}`];
  const { status, said } = configure(undefined, ...nowhere);
  expect(status).toBe(1);
  expect(said).toMatch(/libtorch was not found\. Install libtorch-dev/);
});
