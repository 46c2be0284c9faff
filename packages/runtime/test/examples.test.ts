// The package as users get it: packed, installed into an empty folder, and run by the examples.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Pioneer } from "../src/index.ts";
import { noBrowser, openBrowser } from "./support/chromium.ts";
import { fixture, inRepository, worst } from "./support/fixtures.ts";
import { serve } from "./support/server.ts";

const names = ["node", "vite", "plain-html"] as const;
const photo = fixture("imagefolder/faces/color/a.jpg");
/** The model in the box. */
const faces = inRepository("packages/pioneer/models/faces-photos");
const readme = readFileSync(inRepository("packages/runtime/README.md"), "utf8");
const installMinutes = 5;

const tarball = "the tarball holds what is needed and nothing else";

let folder: string;
/** Why the examples cannot be installed here. */
let offline: string | undefined;
let packed: { files: { path: string }[]; size: number };

/** Copies examples/, packs the package beside them and installs what they depend on, for all three at once. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pioneer-examples-"));
  for (const name of names)
    cpSync(inRepository(`examples/${name}`), join(folder, name), { recursive: true, filter: notBuilt });
  cpSync(faces, join(folder, "vite/public/model"), { recursive: true });
  cpSync(fixture("model-tiny"), join(folder, "plain-html/model"), { recursive: true });
  const pack = ["pack", "--json", "--workspace", "packages/runtime", "--pack-destination", folder];
  [packed] = JSON.parse(npm(pack, inRepository(""))) as [typeof packed];
  const needs = names.map((name) => JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")));
  const dependencies = Object.assign({}, ...needs.flatMap((need) => [need.dependencies, need.devDependencies]));
  dependencies["pioneer-runtime"] = "file:pioneer-runtime-0.1.0.tgz";
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  cpSync(join(folder, "node/.npmrc"), join(folder, ".npmrc"));
  try {
    npm(["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"], folder);
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT/.test(stderr))
      throw new Error(stderr, { cause: error });
    offline = "npm cannot reach its registry";
    console.warn(`skipped: examples; ${offline}`);
  }
}, installMinutes * 60_000);

beforeEach(({ skip, task }) => skip(offline !== undefined && task.name !== tarball, offline));

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test(tarball, () => {
  const paths = packed.files.map(({ path }) => path);
  for (const path of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "dist/pioneer-runtime.browser.js"]) {
    expect(paths).toContain(path);
  }
  const wanted = /^(LICENSE|README\.md|(dist\/cjs\/)?package\.json|dist\/[\w./-]+\.(js|d\.ts))$/;
  expect(paths.filter((path) => !wanted.test(path))).toEqual([]);
  // 217 kB: the modules, one file for pages, one for its worker, two for `require`.
  expect(packed.size).toBeLessThan(250_000);
});

test("examples/node writes the pictures that the model makes", async () => {
  const run = node("node", ["main.js", fixture("model-tiny"), photo]);
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(run.stdout).toContain("16x16, 16 dimensions, computed by onnxruntime-node");
  const file = await sharp(join(folder, "node/reconstruction.png")).ensureAlpha().raw().toBuffer();
  expect([...file]).toEqual(await reconstructed());
  for (let i = 1; i <= 8; i++) expect((await sharp(join(folder, `node/morph-${i}.png`)).metadata()).width).toBe(16);
  const wrong = node("node", ["main.js", "/no/model", photo]);
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toBe("error: /no/model is no model folder: it has no config.json; pioneer export writes one\n");
});

test("without its optional packages it says which one to install, and for what", () => {
  // Not below the folder, where the packages of the examples would be found.
  const elsewhere = mkdtempSync(join(tmpdir(), "pioneer-bare-"));
  onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
  for (const name of ["pioneer-runtime", "zod"]) {
    cpSync(join(folder, "node_modules", name), join(elsewhere, "node_modules", name), { recursive: true });
  }
  writeFileSync(
    join(elsewhere, "main.mjs"),
    `import { Pioneer } from "pioneer-runtime";
    const model = ${JSON.stringify(fixture("model-tiny"))};
    await Pioneer.load(model).catch((error) => console.log(error.code, error.message));
    const directions = await Pioneer.load(model, { parts: ["directions"] });
    await directions.prepare(new Uint8Array(9)).catch((error) => console.log(error.code, error.message));`,
  );
  const { stdout } = spawnSync(process.execPath, ["main.mjs"], { cwd: elsewhere, encoding: "utf8" });
  const [engine, decoder] = stdout.split("\n");
  expect(engine).toMatch(/^INSTALL Node needs the package onnxruntime-node: npm install onnxruntime-node /);
  expect(decoder).toMatch(/^INSTALL to read image files Node needs the package sharp: npm install sharp, /);
});

test("require works, and TypeScript has types for it in a CommonJS file", () => {
  const program = `import { Pioneer, type PioneerModel } from "pioneer-runtime";
    async function main(): Promise<void> {
      const model: PioneerModel = await Pioneer.load("../model");
      const { shape } = await model.decode((await model.sample(2, 1)).latents, { as: "array" });
      const [image] = await model.decode((await model.sample()).latents);
      console.log(shape.join(), image?.width);
    }
    void main();`;
  writeFileSync(join(folder, "node/typed.cts"), program);
  cpSync(fixture("model-tiny"), join(folder, "model"), { recursive: true });
  const tsc = join(folder, "node_modules/typescript/bin/tsc");
  const options = [
    "--module",
    "node16",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom",
    "--strict",
    "--outDir",
    "cjs/out",
  ];
  expect(node("node", [tsc, ...options, "typed.cts"])).toMatchObject({ status: 0, stdout: "" });
  expect(readFileSync(join(folder, "node/cjs/out/typed.cjs"), "utf8")).toContain('require("pioneer-runtime")');
  expect(node("node", ["cjs/out/typed.cjs"])).toMatchObject({ status: 0, stderr: "", stdout: "2,3,16,16 16\n" });
});

test("jest's environment of the README computes; without it one line says what to do", () => {
  const [environment = ""] = /const \{ TestEnvironment \}.*?(?=```)/s.exec(readme) ?? [];
  const plain = 'module.exports = require("jest-environment-node").TestEnvironment;';
  const program = `const { Pioneer } = require("pioneer-runtime");
    async function test() {
      const model = await Pioneer.load(${JSON.stringify(fixture("model-tiny"))});
      const latents = await model.encode(${JSON.stringify(photo)});
      const [png] = await model.decode(latents, { as: "png", signal: new AbortController().signal });
      return png.length > 100 && "computed";
    }
    test().catch((error) => error.message).then(console.log);`;
  writeFileSync(join(folder, "node/test.cjs"), program);
  const likeJest = inRepository("packages/runtime/test/support/like-jest.js");
  const run = (text: string) => {
    writeFileSync(join(folder, "node/environment.cjs"), text);
    return node("node", [likeJest, "environment.cjs", "test.cjs"]);
  };
  expect(run(environment)).toMatchObject({ status: 0, stdout: "computed\n", stderr: "" });
  expect(run(plain).stdout).toMatch(
    /^the encoder failed: .*; in jest, set this\.global\.Float32Array = Float32Array in /,
  );
});

test("require in a bundler takes the modules; the page's file for require has no worker, and says so", () => {
  const found = node("node", ["-C", "browser", "-C", "module", "-p", 'require.resolve("pioneer-runtime")']);
  expect(found.stdout).toMatch(/pioneer-runtime\/dist\/browser\.js\n$/);
  const program = `require("pioneer-runtime").Pioneer.load("http://localhost/model", { worker: true })
    .catch((error) => console.log(error.code, error.message));`;
  writeFileSync(join(folder, "node/worker.cjs"), program);
  const { stdout } = node("node", ["-C", "browser", "worker.cjs"]);
  expect(stdout).toMatch(/^INSTALL worker: true needs the package as a module, .*: import it in a module, or load /);
  // webpack takes import.meta.resolve("name") for something to bundle, and does not find it.
  const modules = packed.files.filter(({ path }) => /^dist\/(?!cjs).*\.js$/.test(path));
  const called = modules.filter(({ path }) =>
    readFileSync(join(folder, "node_modules/pioneer-runtime", path), "utf8").includes("import.meta.resolve("),
  );
  expect(called).toEqual([]);
});

test("the README's program for Node runs", async () => {
  const [, program = ""] = /```js\n(.*?)```/s.exec(readme) ?? [];
  writeFileSync(join(folder, "node/readme.js"), program);
  cpSync(fixture("model-tiny"), join(folder, "node/model"), { recursive: true });
  cpSync(photo, join(folder, "node/photo.jpg"));
  expect(node("node", ["readme.js"])).toMatchObject({ status: 0, stderr: "" });
  expect((await sharp(join(folder, "node/halfway.png")).metadata()).width).toBe(16);
});

describe.skipIf(noBrowser)("in Chromium", { timeout: 240_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser({ webgpu: false });
  });
  afterAll(() => browser?.close());

  test("examples/vite type-checks, builds, places a photo and edits it; everything comes from its own server", async () => {
    const bin = (name: string, file: string) => join(folder, "node_modules", name, file);
    expect(node("vite", [bin("typescript", "bin/tsc")])).toMatchObject({ status: 0, stdout: "" });
    const build = node("vite", [bin("vite", "bin/vite.js"), "build", "--logLevel", "warn"]);
    // On a busy machine the bundler says where its time went.
    const told = stripVTControlCharacters(build.stderr).replace(/^\[PLUGIN_TIMINGS\][\s\S]*/, "");
    expect({ ...build, stderr: told }).toMatchObject({ status: 0, stderr: "" });
    const { page, elsewhere } = await open(join(folder, "vite/dist"));
    await using model = await Pioneer.load(faces);
    const caption = (id: string, wanted: string) =>
      page.waitForFunction(([where, text]) => document.getElementById(where)?.textContent === text, [
        id,
        wanted,
      ] as const);
    await page.waitForFunction(() =>
      document.getElementById("status")?.textContent?.startsWith("Ready, computed by wasm"),
    );
    await caption("before-caption", "Made up by the model, 64 × 64");
    await page.setInputFiles("#photo", photo);
    await caption("before-caption", "Before: as the model sees it, 64 × 64");
    await caption("after-caption", "After: as the model knows it");
    // The dots begin where the model's photos have eyes and mouth, so that the middle square is what the model sees.
    const before = await pixels(page, "before");
    const [middle] = await model.prepare(photo);
    expect(meanDifference(before, middle?.data ?? [])).toBeLessThan(3);
    const latent = await model.encode({ data: Uint8ClampedArray.from(before), width: 64, height: 64 });
    const expectAfter = async (latents: Float32Array) => {
      const [image] = await model.decode(latents);
      // A value between two levels may fall to either.
      expect(worst(await pixels(page, "after"), image?.data ?? [])).toBeLessThanOrEqual(1);
    };
    await expectAfter(latent);
    await page.fill('#sliders [name="smile"]', "0.9");
    await caption("after-caption", "After: smile +0.9");
    await expectAfter(model.edit(latent, { smile: 0.9 }));
    await page.focus('[aria-label="mouth"]');
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((old) => {
      const canvas = document.getElementById("before") as HTMLCanvasElement;
      return String(canvas.getContext("2d")?.getImageData(0, 0, 64, 64).data) !== old;
    }, String(before));
    await page.click("#closer");
    await page.waitForFunction(() => document.getElementById("status")?.textContent?.startsWith("Step "));
    expect(elsewhere).toEqual([]);
  });

  test("the README's page edits a dropped photo by sliders, and at most 8 MB travel from a server that compresses nothing", async () => {
    const [, html = ""] = /```html\n(.*?)```/s.exec(readme) ?? [];
    const [, program = ""] = /```js\n(\/\/ main\.js\n.*?)```/s.exec(readme) ?? [];
    const [, settings = ""] = /```ts\n(\/\/ vite\.config\.ts\n.*?)```/s.exec(readme) ?? [];
    const root = join(folder, "page");
    mkdirSync(join(root, "public"), { recursive: true });
    writeFileSync(join(root, "index.html"), html);
    writeFileSync(join(root, "main.js"), program.replace("worker: true,", 'worker: true, wasmPaths: "wasm/",'));
    writeFileSync(join(root, "vite.config.js"), settings);
    cpSync(faces, join(root, "public/model"), { recursive: true });
    const bin = (path: string) => join(folder, "node_modules", path);
    expect(node("page", [bin("pioneer-runtime/dist/cli.js"), "copy-wasm", "public/wasm"])).toMatchObject({ status: 0 });
    expect(node("page", [bin("vite/bin/vite.js"), "build", "--logLevel", "error"])).toMatchObject({ status: 0 });
    const { page, elsewhere, asked } = await open(join(root, "dist"));
    await page.waitForSelector("#sliders input[name=smile]");

    const model = await Pioneer.load(faces);
    onTestFinished(() => model.dispose());
    const code = await model.encode(photo);
    const drawn = async (latent: Float32Array) => {
      const [image] = await model.decode(latent);
      const wanted = image?.data ?? [];
      const apart = async () => meanDifference(await pixels(page, "canvas"), wanted);
      // Of 255; a level of the photo moves the picture by less.
      await expect.poll(apart, { timeout: 40_000 }).toBeLessThan(1);
      return wanted;
    };
    const file = readFileSync(photo).toString("base64");
    await page.evaluate((text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], "a.jpg"));
      document.getElementById("drop")?.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }, file);
    const before = await drawn(code);
    // Many events at once: the last one's picture stays.
    await page.evaluate(() => {
      const slider = document.querySelector("#sliders input[name=smile]") as HTMLInputElement;
      for (let value = -3; value <= 3; value++) {
        slider.value = String(value);
        slider.dispatchEvent(new Event("input"));
      }
    });
    // The slider ends where the direction does.
    const reach = model.directions.find(({ name }) => name === "smile")?.reach as number;
    expect(reach).toBeLessThan(3);
    const after = await drawn(model.edit(code, { smile: reach }));
    expect(meanDifference(after, before)).toBeGreaterThan(2);
    // favicon.ico is asked for, and not there.
    const sizeOf = (path: string) => statSync(join(root, "dist", path), { throwIfNoEntry: false })?.size ?? 0;
    const travelled = asked.map((path) => sizeOf(path === "/" ? "index.html" : path));
    expect(travelled.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(8e6);
    expect(asked.filter((path) => path.endsWith(".wasm"))).toEqual([]);
    expect(elsewhere).toEqual([]);
  });

  test("examples/plain-html draws a seed's image, then another", async () => {
    const { page, elsewhere } = await open(join(folder, "plain-html"));
    const drawn = (state: string) =>
      page.waitForFunction((wanted) => document.getElementById("canvas")?.dataset.drawn === wanted, state);
    await drawn("1 2 0");
    expect(worst(await pixels(page, "canvas"), await sampled(1))).toBeLessThanOrEqual(1);
    await page.fill("#from", "9");
    await drawn("9 2 0");
    expect(worst(await pixels(page, "canvas"), await sampled(9))).toBeLessThanOrEqual(1);
    expect(await page.textContent("#status")).toContain("Computed by wasm");
    expect(elsewhere).toEqual([]);
  });

  /** A page of a folder, the addresses that it asked other servers for, and the paths that it asked its own for. */
  async function open(root: string): Promise<{ page: Page; elsewhere: string[]; asked: readonly string[] }> {
    const server = await serve({ "": root, node_modules: join(folder, "node_modules") });
    const page = await browser.newPage();
    onTestFinished(async () => {
      await page.close();
      await server.close();
    });
    const elsewhere: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server.address) && !/^(data|blob):/.test(url)) elsewhere.push(url);
    });
    await page.goto(`${server.address}/`);
    return { page, elsewhere, asked: server.asked };
  }
});

/** RGBA of a canvas. */
const pixels = (page: Page, id: string): Promise<number[]> =>
  page.evaluate((name) => {
    const canvas = document.getElementById(name) as HTMLCanvasElement;
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
  }, id);

const meanDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / b.length;

/** What this package's sources make of the photo. */
async function reconstructed(): Promise<number[]> {
  await using model = await Pioneer.load(fixture("model-tiny"));
  const [image] = await model.reconstruct(photo);
  return [...(image?.data ?? [])];
}

async function sampled(seed: number): Promise<number[]> {
  const model = await Pioneer.load(fixture("model-tiny"), { parts: ["generator"] });
  const { images } = await model.sample(1, seed, { as: "image" });
  await model.dispose();
  return [...(images[0]?.data ?? [])];
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function node(example: string, args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: join(folder, example), encoding: "utf8" });
}

/** What someone's own try of the examples left behind. */
function notBuilt(path: string): boolean {
  return !/\/(node_modules|dist|public|model|package-lock\.json)$/.test(path);
}
