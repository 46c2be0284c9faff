// Packs into .gpu/kit.tar.xz what scripts/gpu-check.sh needs beside the repository's files on a machine without Node and
// without a network: this Node, what `make build` made of TypeScript, and the npm packages that training and the bench import.
// usage: node scripts/gpu-kit.js    (after make build)
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const kit = join(root, ".gpu", "kit.tar.xz");

// Imported only by what the check does not do: exported models, photos of people, HDF5.
const unneeded = ["onnxruntime-node", "onnxruntime-web", "@vladmandic/face-api", "h5wasm"];

/** Of a package in node_modules, or of a workspace. */
const read = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));

/** Adds the packages that a folder's package.json names, and theirs. A workspace is a link, and its packages are its own matter. */
function addPackages(folder, found) {
  const { dependencies = {}, optionalDependencies = {} } = read(folder);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const place = [`${folder}/node_modules/${name}`, `node_modules/${name}`].find((each) =>
      existsSync(join(root, each)),
    );
    // Binaries for other platforms are not there.
    if (place === undefined || unneeded.includes(name) || found.has(place)) continue;
    found.add(place);
    if (!lstatSync(join(root, place)).isSymbolicLink()) addPackages(place, found);
  }
  return found;
}

const workspaces = ["pioneer", "runtime", "torch"].map((name) => `packages/${name}`);
const packages = workspaces.reduce((found, folder) => addPackages(folder, found), new Set());
packages.add("node_modules/pioneer-networks");
const built = [...workspaces, "packages/studio", "bench"].map((folder) => `${folder}/dist`);
const missing = built.find((folder) => !existsSync(join(root, folder)));
if (missing !== undefined) {
  console.error(`gpu-kit: ${missing} is not there: run make build`);
  process.exit(1);
}

mkdirSync(dirname(kit), { recursive: true });
// A copy of the files knows no commit.
const commit = execFileSync("git", ["rev-parse", "--short=10", "HEAD"], { cwd: root, encoding: "utf8" });
writeFileSync(join(dirname(kit), "commit"), commit);
const node = process.execPath;
execFileSync(
  "tar",
  [
    ...["--create", "--xz", `--file=${kit}`],
    // Types, maps, and what packages bring for other ways to load them.
    ...["*.d.ts", "*.d.cts", "*.map", "*.md", "umd", "iife", "prebuilds", "test", "zod/src"].map(
      (name) => `--exclude=${name}`,
    ),
    ...[`--directory=${root}`, ".gpu/commit", ...built, ...packages],
    ...[`--directory=${dirname(node)}`, "--transform=s,^node$,.gpu/node,", "node"],
  ],
  { stdio: "inherit" },
);
console.log(`${kit}: ${(statSync(kit).size / 2 ** 20).toFixed(1)} MiB`);
