// The package in a real page: headless Chromium, a server on this machine, nothing from elsewhere.
import { readFileSync, statSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type * as Runtime from "../src/browser.ts";
import { Pioneer, sampleLatents } from "../src/index.ts";
import { bundled, importMap } from "./support/bundle.ts";
import { noBrowser, openBrowser } from "./support/chromium.ts";
import { changedModel, expected, fixture, inRepository, oneDirection, worst } from "./support/fixtures.ts";
import { type Server, serve } from "./support/server.ts";

/** What the page's script puts where the functions of these tests find it. */
declare const P: typeof Runtime;

const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${importMap}</script>
<script type="module">import * as P from "pioneer-runtime"; globalThis.P = P;</script>`;

const tinyConfig = JSON.parse(readFileSync(fixture("model-tiny/config.json"), "utf8")) as object;

const photos = [
  "faces/color/a.jpg",
  "faces/color/odd size.jpeg",
  "faces/gray/g.jpg",
  "objects/alpha.png",
  "objects/palette.png",
  "objects/photo.webp",
  "objects/lossless.webp",
  "objects/rotated_exif3.jpg",
  "objects/rotated_exif6.jpg",
  "objects/deep/rgb16.png",
].map((name) => ({ name, file: readFileSync(fixture(`imagefolder/${name}`)) }));

describe.skipIf(noBrowser)("in Chromium", { timeout: 240_000 }, () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  let runtime: string;

  beforeAll(async () => {
    const folders = {
      ort: inRepository("node_modules/onnxruntime-web/dist"),
      model: fixture("model-tiny"),
    };
    runtime = await bundled();
    server = await serve(folders, { "/": html, "/runtime.js": runtime, "/worker.js": await bundled("browser/worker") });
    browser = await openBrowser({ webgpu: false });
    page = await opened(browser, server.address);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test("without a graphics processor it computes in WASM what libtorch computed, and says why", async () => {
    const got = await page.evaluate(async () => {
      const model = await P.Pioneer.load("model", { backend: "auto" });
      const { latents, images } = await model.sample(3, 1, { as: "array" });
      const codes = await model.encode(images);
      await model.dispose();
      return {
        backend: model.backend,
        integrity: model.integrity,
        latents: [...latents],
        images: [...images.data],
        codes: [...codes],
      };
    });
    expect(got.backend.name).toBe("wasm");
    expect(got.backend.reason).toMatch(/no WebGPU|no graphics processor/);
    expect(got.integrity).toContain("SHA-256 of its files are those");
    expect(worst(got.latents, expected.latents)).toBeLessThan(1e-6);
    expect(worst(got.images, expected.images)).toBeLessThan(1e-5);
    expect(worst(got.codes, expected.codes)).toBeLessThan(1e-5);
    // Everything came from this server: the wasm file too.
    expect(server.asked).toContain("/ort/ort-wasm-simd-threaded.wasm");
  });

  // The page's Math.log and Math.cos may round the last bit of a double otherwise than Node's.
  test("seeds give the latents of Node and of pioneer sample", async () => {
    const seeds = [0, 1, -5, 2 ** 40 + 3];
    const got = await page.evaluate((all) => all.map((seed) => [...P.sampleLatents(20, 512, seed)]), seeds);
    for (const [i, seed] of seeds.entries())
      expect(worst(got[i] ?? [], sampleLatents(20, 512, seed))).toBeLessThan(1e-6);
  });

  test("photos become the squares they become in Node: at most 1 of 255 apart", async () => {
    const files = photos.map(({ file }) => file);
    const names = photos.map(({ name }) => name);
    for (const resolution of [16, 64]) {
      // Without networks: how large the images are is said by config.json alone.
      const config = { ...tinyConfig, resolution };
      const sized = await serve(
        { photos: fixture("imagefolder") },
        {
          "/": html,
          "/runtime.js": runtime,
          "/sized/config.json": JSON.stringify(config),
          "/sized/directions.json": readFileSync(fixture("model-tiny/directions.json"), "utf8"),
        },
      );
      const elsewhere = await opened(browser, sized.address);
      const got = await elsewhere.evaluate(async (all) => {
        const model = await P.Pioneer.load("sized", { parts: ["directions"] });
        const blobs = await Promise.all(all.map(async (name) => (await fetch(`photos/${name}`)).blob()));
        const images = await model.prepare(blobs, { as: "image" });
        return images.map(({ data }) => [...data]);
      }, names);
      const node = await Pioneer.load(`${sized.address}/sized`, { parts: ["directions"] });
      const images = await node.prepare(files, { as: "image" });
      for (const [i, { name }] of photos.entries()) {
        expect(worst(got[i] ?? [], images[i]?.data ?? []), `${name} at ${resolution}`).toBeLessThanOrEqual(1);
      }
      await elsewhere.close();
      await sized.close();
    }
  });

  // Canvases of these sizes draw nothing and say nothing.
  test("photos that no canvas holds become what they become in Node", async () => {
    const photo = fixture("imagefolder/faces/color/a.jpg");
    const wide = (width: number, height: number) => sharp(photo).resize(width, height, { fit: "fill" });
    const files = [await wide(70_000, 60).png().toBuffer(), await wide(17_000, 1000).jpeg().toBuffer()];
    const got = await page.evaluate(
      async (all) => {
        const model = await P.Pioneer.load("model", { parts: ["directions"] });
        const images = await model.prepare(all.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
        return images.map(({ data }) => [...data]);
      },
      files.map((file) => file.toString("base64")),
    );
    const node = await Pioneer.load(fixture("model-tiny"), { parts: ["directions"] });
    const [narrow, large] = await node.prepare(files);
    expect(worst(got[0] ?? [], narrow?.data ?? [])).toBeLessThanOrEqual(1);
    // 17 million pixels are halved by the browser on the way in, which rounds to 8 bits once more.
    expect(worst(got[1] ?? [], large?.data ?? [])).toBeLessThanOrEqual(3);
  });

  test("takes canvases and images, gives ImageData and PNG files", async () => {
    const got = await page.evaluate(async () => {
      const model = await P.Pioneer.load("model", { backend: "wasm" });
      const canvas = new OffscreenCanvas(40, 60);
      const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
      context.fillStyle = "#3060c0";
      context.fillRect(0, 0, 30, 60);
      const data = context.getImageData(0, 0, 40, 60);
      const image = new Image();
      image.src = URL.createObjectURL(await canvas.convertToBlob());
      await image.decode();
      const bitmap = await createImageBitmap(canvas);
      const latents = await model.encode([data, canvas, image, bitmap]);
      const [pixels] = await model.decode(latents.slice(0, 16), { as: "image" });
      const [png] = await model.decode(latents.slice(0, 16), { as: "png" });
      const isImageData = pixels instanceof ImageData;
      bitmap.close();
      const closed = await model.encode(bitmap).catch((error: Error) => error.message);
      const failed = await model.encode("/no.jpg").catch((error: Error) => error.message);
      await model.dispose();
      return {
        latents: [...latents],
        pixels: [...(pixels?.data ?? [])],
        png: [...(png ?? [])],
        isImageData,
        failed,
        closed,
      };
    });
    for (const i of [1, 2, 3]) {
      expect(worst(got.latents.slice(16 * i, 16 * (i + 1)), got.latents.slice(0, 16))).toBeLessThan(1e-5);
    }
    expect(got.isImageData).toBe(true);
    const png = await sharp(Buffer.from(got.png)).ensureAlpha().raw().toBuffer();
    expect([...png]).toEqual(got.pixels);
    expect(got.closed).toContain("ImageBitmap has no size: it has not loaded");
    expect(got.failed).toMatch(/\/no\.jpg: the server answered 404$/);
  });

  test("a missing model, one the server answers with a page for, and missing wasm files are named", async () => {
    const got = await page.evaluate(async () => {
      const message = (error: { code: string; message: string }) => `${error.code} ${error.message}`;
      return [
        await P.Pioneer.load("no-such-model").then(String, message),
        await P.Pioneer.load("model", { backend: "webgpu" }).then(String, message),
        await P.Pioneer.load("model", { backend: "cpu" }).then(String, message),
      ];
    });
    expect(got[0]).toContain(`MISSING no-such-model is no model folder`);
    expect(got[1]).toMatch(/^BACKEND WebGPU cannot be used: /);
    expect(got[2]).toContain('OPTION backend: "cpu" is for Node');
    const elsewhere = await opened(browser, server.address);
    const failed = await elsewhere.evaluate(() =>
      P.Pioneer.load("model", { backend: "wasm", wasmPaths: "/nowhere" }).then(String, (error: Error) => error.message),
    );
    expect(failed).toContain(
      "/nowhere/ has neither ort-wasm-simd-threaded.wasm.gz nor ort-wasm-simd-threaded.wasm: npx",
    );
    expect(server.asked).toContain("/nowhere/ort-wasm-simd-threaded.wasm");
    // The same page, once the files are there.
    const second = await elsewhere.evaluate(async () => {
      const base = document.createElement("base");
      base.href = "/nowhere/";
      document.head.append(base);
      const model = await P.Pioneer.load("../model", { backend: "wasm", wasmPaths: "../ort/?key=k" });
      return [...(await model.sample(3, 1, { as: "array" })).images.data];
    });
    expect(worst(second, expected.images)).toBeLessThan(1e-5);
    await elsewhere.close();
  });

  test("a model that changed at its address is loaded, past what the browser keeps of the older one", async () => {
    const folders: Record<string, string> = { model: fixture("model-tiny") };
    const keeping = await serve(folders, { "/": html, "/runtime.js": runtime }, { "Cache-Control": "max-age=3600" });
    const elsewhere = await opened(browser, keeping.address);
    const names = () =>
      elsewhere.evaluate(async () =>
        (await P.Pioneer.load("model", { parts: ["directions"] })).directions.map(({ name }) => name),
      );
    expect(await names()).toEqual([]);
    folders.model = changedModel({ files: { "directions.json": oneDirection } });
    expect(await names()).toEqual(["smile"]);
    expect(keeping.asked.filter((path) => path === "/model/directions.json").length).toBe(2);
    await elsewhere.close();
    await keeping.close();
  });

  test("a page that is neither https nor localhost loads too, and says what it could not check", async () => {
    const insecure = await openBrowser({ webgpu: false, hosts: "MAP insecure.test 127.0.0.1" });
    try {
      const elsewhere = await opened(insecure, `http://insecure.test:${server.port}`);
      const got = await elsewhere.evaluate(async () => {
        const model = await P.Pioneer.load("model");
        const { images } = await model.sample(3, 1, { as: "array" });
        return { backend: model.backend, integrity: model.integrity, images: [...images.data] };
      });
      expect(got.integrity).toContain("only the sizes of its files were checked");
      expect(got.backend).toEqual({
        name: "wasm",
        reason: "browsers give WebGPU only to pages from https or localhost",
        threads: 1,
      });
      expect(worst(got.images, expected.images)).toBeLessThan(1e-5);
    } finally {
      await insecure.close();
    }
  });

  test("progress counts the wasm file, which is fetched beside the networks", async () => {
    const elsewhere = await opened(browser, server.address);
    const wasm = "/ort/ort-wasm-simd-threaded.wasm";
    const before = server.asked.length;
    // The encoder comes only once the wasm file was asked for.
    await elsewhere.route("**/encoder.onnx", async (route) => {
      await expect.poll(() => server.asked.slice(before), { timeout: 60_000 }).toContain(wasm);
      await route.continue();
    });
    const got = await elsewhere.evaluate(async () => {
      const told: Runtime.LoadProgress[] = [];
      const model = await P.Pioneer.load("model", { onProgress: (progress) => told.push(progress) });
      return { told, files: model.config.files };
    });
    const files = Object.values(got.files).reduce((sum, { bytes }) => sum + bytes, 0);
    const total = files + statSync(inRepository("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm")).size;
    expect(got.told.at(-1)).toEqual({ stage: "start", loaded: total, total });
    const loaded = got.told.map((progress) => progress.loaded);
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
    await elsewhere.close();
  });

  test("in a worker a model computes the same; it ends with the model", async () => {
    const elsewhere = await opened(browser, server.address);
    const file = readFileSync(fixture("imagefolder/faces/color/a.jpg")).toString("base64");
    const got = await elsewhere.evaluate(async (text) => {
      const told: Runtime.LoadProgress[] = [];
      const model = await P.Pioneer.load("model", { worker: true, onProgress: (progress) => told.push(progress) });
      const { images } = await model.sample(3, 1, { as: "array" });
      const codes = await model.encode(images);
      const photo = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
      const [square] = await model.prepare(photo);
      const canvas = new OffscreenCanvas(16, 16);
      canvas.getContext("2d")?.putImageData(square as ImageData, 0, 0);
      const [drawn] = await model.prepare(canvas);
      const problem = (error: Error & { code?: string }) => `${error.name} ${error.code} ${error.message}`;
      const broken = await model.encode(new Blob(["no photo"])).then(String, problem);
      const gone = new Uint8Array(12);
      structuredClone(gone, { transfer: [gone.buffer] });
      const sent = await model.encode({ data: gone, width: 2, height: 2 }).then(String, problem);
      const waiting = model.sample(1, 2);
      await model.dispose();
      const after = await model.sample(1, 2).then(String, problem);
      return {
        told: told.at(-1),
        backend: model.backend,
        images: [...images.data],
        codes: [...codes],
        square: [...(square?.data ?? [])],
        drawn: [...(drawn?.data ?? [])],
        broken,
        sent,
        waited: (await waiting).images.length,
        after,
      };
    }, file);
    expect(got.told).toMatchObject({ stage: "start", loaded: got.told?.total });
    expect(got.backend).toMatchObject({ name: "wasm", threads: 1 });
    expect(worst(got.images, expected.images)).toBeLessThan(1e-5);
    expect(worst(got.codes, expected.codes)).toBeLessThan(1e-5);
    const node = await Pioneer.load(fixture("model-tiny"), { parts: ["directions"] });
    const [square] = await node.prepare(fixture("imagefolder/faces/color/a.jpg"));
    expect(worst(got.square, square?.data ?? [])).toBeLessThanOrEqual(1);
    expect(got.drawn).toEqual(got.square);
    expect(got.broken).toMatch(/^ModelError IMAGE an image file cannot be decoded/);
    expect(got.sent).toMatch(/^ModelError IMAGE an image cannot be sent to the worker: /);
    expect(got.waited).toBe(1);
    expect(got.after).toContain("ModelError DISPOSED");
    await expect.poll(() => elsewhere.workers().length, { timeout: 60_000 }).toBe(0);
    await elsewhere.close();
  });

  test("an isolated page computes with as many threads as it may have; another number for a second model is refused", async () => {
    const isolated = await serve(
      { ort: inRepository("node_modules/onnxruntime-web/dist"), model: fixture("model-tiny") },
      { "/": html, "/runtime.js": runtime },
      { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
    );
    const elsewhere = await opened(browser, isolated.address);
    const got = await elsewhere.evaluate(async () => {
      const model = await P.Pioneer.load("model", { threads: 1000 });
      const other = navigator.hardwareConcurrency > 1 ? 1 : undefined;
      return {
        processors: navigator.hardwareConcurrency,
        backend: model.backend,
        images: [...(await model.sample(3, 1, { as: "array" })).images.data],
        second: await P.Pioneer.load("model", other ? { threads: other } : {}).then(
          String,
          (error: Error) => error.message,
        ),
        same: (await P.Pioneer.load("model", { threads: 1000 })).backend.threads,
      };
    });
    expect(got.backend.threads).toBe(got.processors);
    expect(got.backend.reason).toContain(`${got.processors} of 1000 threads, as many as there are processors`);
    expect(worst(got.images, expected.images)).toBeLessThan(1e-5);
    if (got.processors > 1)
      expect(got.second).toContain(`threads: 1 cannot be had, a model before computes with ${got.processors}`);
    expect(got.same).toBe(got.processors);
    await elsewhere.close();
    await isolated.close();
  });

  // SwiftShader: WebGPU's shaders, computed by the processor.
  describe("with WebGPU", () => {
    let gpu: Browser;
    let elsewhere: Page;
    let adapter: boolean;
    beforeAll(async () => {
      gpu = await openBrowser({ webgpu: true });
      elsewhere = await opened(gpu, server.address);
      adapter = await elsewhere.evaluate(async () => {
        const { gpu: webgpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
        return Boolean(await webgpu?.requestAdapter());
      });
    });
    afterAll(() => gpu?.close());
    beforeEach(({ skip }) => skip(!adapter, "this Chromium has no software WebGPU"));

    test("one that the processor computes is used only if it is asked for", async () => {
      const before = server.asked.length;
      const backend = await elsewhere.evaluate(async () => (await P.Pioneer.load("model")).settled);
      expect(backend).toMatchObject({ name: "wasm", reason: "this browser's WebGPU is computed by the processor" });
      expect(server.asked.slice(before).filter((path) => path.includes("asyncify"))).toEqual([]);
    });

    test("asked for, it computes what WASM and Node do", async () => {
      // Two images, as in the comparison at loading: WebGPU compiles its programs for each size anew.
      const got = await elsewhere.evaluate(async () => {
        const run = async (backend: "webgpu" | "wasm") => {
          const stages: string[] = [];
          const model = await P.Pioneer.load("model", { backend, onProgress: ({ stage }) => stages.push(stage) });
          const as = "array";
          const { images } = await model.sample(2, 1, { as });
          const codes = await model.encode(images);
          const several = await Promise.all([model.sample(2, 1, { as }), model.encode(images), model.sample(2, 2)]);
          await model.dispose();
          const together = several[0].images.data;
          return {
            backend: model.backend,
            stages,
            images: [...images.data],
            codes: [...codes],
            together: [...together],
          };
        };
        return [await run("webgpu"), await run("wasm")] as const;
      });
      const [webgpu, wasm] = got;
      expect(webgpu.backend).toEqual({ name: "webgpu", reason: "it was asked for" });
      expect(webgpu.stages).toContain("check");
      expect(wasm.backend).toEqual({ name: "wasm", reason: "it was asked for", threads: 1 });
      const [two, codesOfTwo] = [expected.images.slice(0, 2 * 3 * 16 ** 2), expected.codes.slice(0, 2 * 16)];
      for (const { images, codes, together } of got) {
        expect(worst(images, two)).toBeLessThan(1e-5);
        expect(worst(codes, codesOfTwo)).toBeLessThan(1e-5);
        expect(worst(together, two)).toBeLessThan(1e-5);
      }
    });
  });
});

/** A page with the package in it. */
async function opened(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction("globalThis.P");
  return page;
}
