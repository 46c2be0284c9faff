import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { circleOf, type Import, importsOf, readSources, specifiersOf } from "./import-graph.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const packages = ["torch", "runtime", "studio", "pioneer"];
const sources = (name: string) => join(repository, "packages", name, "src");
const readText = (path: string) => readFileSync(join(repository, path), "utf8");

/** The folder of a file; a file beside the folders counts as one of its own. */
const folderOf = (file: string) => (dirname(file) === "." ? file : dirname(file));

/** "a -> b (a/x.ts imports b/y.ts) -> a (b/y.ts imports a/z.ts)" */
const explained = (circle: readonly string[], imports: readonly Import[]) =>
  circle
    .map((folder, i) => {
      const cause = imports.find(({ from, to }) => folderOf(from) === circle[i - 1] && folderOf(to) === folder);
      return cause ? `${folder} (${cause.from} imports ${cause.to})` : folder;
    })
    .join(" -> ");

test.each(packages)("no file of %s imports itself by way of others", (name) => {
  expect(circleOf(importsOf(sources(name)))?.join(" -> ")).toBeUndefined();
});

test.each(packages)("no folder of %s imports itself by way of others", (name) => {
  const imports = importsOf(sources(name));
  const circle = circleOf(imports.map(({ from, to }) => ({ from: folderOf(from), to: folderOf(to) })));
  expect(circle && explained(circle, imports)).toBeUndefined();
});

/** The first column of the table under "The staircase" in docs/design.md. */
function staircase(): string[] {
  const section =
    readText("docs/design.md")
      .split("\n## ")
      .find((text) => text.startsWith("The staircase\n")) ?? "";
  return [...section.matchAll(/^\| `([^`]+)\/` \|/gm)].map((match) => match[1] as string);
}

test("every folder of pioneer has its step in docs/design.md, and the other way round", () => {
  const folders = new Set([...readSources(sources("pioneer")).keys()].map(dirname));
  folders.delete(".");
  expect(staircase().toSorted()).toEqual([...folders].sort());
});

test("imports of pioneer go down the staircase of docs/design.md", () => {
  const steps = staircase();
  // The entry points, which lie in no folder, are above all others.
  const height = (file: string) => (dirname(file) === "." ? steps.length : steps.indexOf(dirname(file)));
  const upward = importsOf(sources("pioneer")).filter(({ from, to }) => height(to) > height(from));
  expect(upward.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

test("tests of pioneer lie where what they test lies", () => {
  const tests = readdirSync(join(repository, "packages/pioneer/test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map(dirname);
  const steps = staircase();
  const elsewhere = new Set(tests.filter((folder) => !steps.includes(folder)));
  // These are about the repository as a whole.
  expect([...elsewhere].sort()).toEqual(["architecture", "docs", "fuzz", "soak"]);
});

test("a package imports those of ours that its package.json names, and these form no circle", () => {
  const manifests = readdirSync(join(repository, "packages")).map((folder) => {
    const manifest = JSON.parse(readText(`packages/${folder}/package.json`)) as {
      name: string;
      dependencies?: Record<string, string>;
    };
    return { folder, name: manifest.name, dependencies: Object.keys(manifest.dependencies ?? {}) };
  });
  const ours = manifests.map(({ name }) => name);
  const edges = manifests.flatMap(({ folder, name, dependencies }) => {
    const specifiers = [...readSources(sources(folder)).values()].flat();
    const imported = ours.filter((other) => specifiers.some((one) => one === other || one.startsWith(`${other}/`)));
    expect(dependencies, name).toEqual(expect.arrayContaining(imported));
    return imported.map((to) => ({ from: name, to }));
  });
  expect(edges).toContainEqual({ from: "pioneer-networks", to: "pioneer-torch" });
  expect(circleOf(edges)).toBeUndefined();
});

test("all ways to import a file are seen, and what only looks like one is not", () => {
  const source = [
    'import { a } from "./a.ts";',
    "import {",
    "  type B,",
    '} from "./b.ts";',
    'import type { C } from "./c.ts";',
    'import "./d.ts";',
    'export { e } from "./e.ts";',
    'export * from "./f.ts";',
    'const g = await import("./g.ts");',
    'type H = typeof import("./h.ts");',
    '// import { x } from "./x.ts";',
    '/** As `import("./x.ts")` does. */',
    'export const x = "./x.ts";',
    'const text = `from "./x.ts"`;',
  ].join("\n");
  expect(specifiersOf(source).sort()).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => `./${name}.ts`));
});

test("the shortest circle is found, and named from its beginning to its beginning", () => {
  const edges = (text: string) => text.split(" ").map((edge) => ({ from: edge[0] as string, to: edge[1] as string }));
  expect(circleOf(edges("ab bc cd db da"))).toEqual(["b", "c", "d", "b"]);
  expect(circleOf(edges("ab bc ac aa"))).toBeUndefined();
});
