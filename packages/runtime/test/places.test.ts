// Where people run the package: pages with a strict policy, iframes, service workers, pages opened from a file; threads
// that are ended. Each works, or says in one line what to do.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../torch/test/support/folder.ts";
import type * as Runtime from "../src/browser.ts";
import { bundled, importMap } from "./support/bundle.ts";
import { noBrowser, openBrowser } from "./support/chromium.ts";
import { fixture, inRepository, worst } from "./support/fixtures.ts";
import { type Server, serve } from "./support/server.ts";

/** What the page's script puts where the functions of these tests find it. */
declare const P: typeof Runtime;

const setUp = 'import * as P from "/runtime.js"; globalThis.P = P;';
const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${importMap}</script>
<script type="module" src="/set-up.js"></script>`;
/** Of the import map, which is a script in the page. */
const mapHash = createHash("sha256").update(importMap).digest("base64");
/** As strict as a page can be that computes with WASM. */
const strict = (script: string) =>
  `default-src 'none'; connect-src 'self'; script-src 'self' 'sha256-${mapHash}' ${script}; ` +
  "require-trusted-types-for 'script'; trusted-types 'none'";

test("a thread that is ended while it computes takes only itself along", async () => {
  const code = `
    import { parentPort } from "node:worker_threads";
    import { Pioneer } from ${JSON.stringify(pathToFileURL(inRepository("packages/runtime/dist/index.js")))};
    const model = await Pioneer.load(${JSON.stringify(fixture("model-tiny"))}, { batch: 1 });
    parentPort.postMessage("computes");
    for (;;) await model.sample(64);`;
  for (let round = 0; round < 2; round++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    expect(await worker.terminate()).toBe(1);
  }
});

describe.skipIf(noBrowser)("in Chromium", { timeout: 240_000 }, () => {
  let server: Server;
  let browser: Browser;
  let texts: Record<string, string>;
  const folders = { ort: inRepository("node_modules/onnxruntime-web/dist"), model: fixture("model-tiny") };

  beforeAll(async () => {
    texts = { "/": html, "/runtime.js": await bundled(), "/set-up.js": setUp };
    server = await serve(folders, texts);
    browser = await openBrowser({ webgpu: false });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function opened(address: string): Promise<Page> {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(address);
    await page.waitForFunction("globalThis.P");
    return page;
  }

  const sampled = (page: Page) =>
    page.evaluate(() =>
      P.Pioneer.load("model", { backend: "wasm" })
        .then((model) => model.sample(1, 1))
        .then(
          ({ images }) => String(images.length),
          (error: Error) => error.message,
        ),
    );

  test("a strict policy with Trusted Types needs 'wasm-unsafe-eval', and is told so where it is not there", async () => {
    for (const script of ["'wasm-unsafe-eval'", ""]) {
      const guarded = await serve(folders, texts, { "Content-Security-Policy": strict(script) });
      onTestFinished(() => guarded.close());
      const page = await opened(guarded.address);
      const got = await sampled(page);
      const inWorker = await page.evaluate(() =>
        P.Pioneer.load("model", { worker: true }).then(String, (error: Error) => error.message),
      );
      expect(inWorker).toMatch(/^this page may not start workers \(.*worker-src\), or load without worker: true$/);
      if (script) expect(got).toBe("1");
      else expect(got).toMatch(/^encoder\.onnx cannot be started: .*; add 'wasm-unsafe-eval' to script-src/);
    }
  });

  test("images of an iframe and of shared memory, video frames and addresses are images; files and bitmaps come out", async () => {
    const page = await opened(server.address);
    const got = await page.evaluate(async () => {
      const model = await P.Pioneer.load("model", { backend: "wasm" });
      const frame = document.createElement("iframe");
      document.body.append(frame);
      const inside = frame.contentWindow as Window & typeof globalThis;
      const canvas = inside.document.createElement("canvas");
      [canvas.width, canvas.height] = [20, 20];
      const context = canvas.getContext("2d") as CanvasRenderingContext2D;
      context.fillStyle = "#3060c0";
      context.fillRect(0, 0, 12, 20);
      const blob = (await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve))) as Blob;
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const pages = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      const shared = new Uint8Array(pages.buffer, 0, bytes.length);
      shared.set(bytes);
      const video = new VideoFrame(canvas, { timestamp: 0 });
      const data = context.getImageData(0, 0, 20, 20);
      const inputs = [
        data,
        canvas,
        new inside.Blob([bytes]),
        new inside.Uint8Array(bytes),
        shared,
        video,
        URL.createObjectURL(blob),
        { data: new inside.Uint8ClampedArray(data.data), width: 20, height: 20 },
      ];
      const latents = await model.encode(inputs);
      const z = new inside.Float32Array(latents.subarray(0, 16));
      const files: string[] = [];
      for (const type of ["image/png", "image/jpeg", "image/webp"] as const) {
        const [file] = await model.decode(z, { as: "blob", type });
        files.push(`${file?.type} ${(await createImageBitmap(file as Blob)).width}`);
      }
      const [bitmap] = await model.decode(z, { as: "bitmap" });
      return {
        latents: [...latents],
        count: inputs.length,
        files,
        bitmap: Object.prototype.toString.call(bitmap),
        width: bitmap?.width,
      };
    });
    for (let i = 1; i < got.count; i++) {
      expect(worst(got.latents.slice(16 * i, 16 * (i + 1)), got.latents.slice(0, 16)), `input ${i}`).toBeLessThan(1e-5);
    }
    expect(got.files).toEqual(["image/png 16", "image/jpeg 16", "image/webp 16"]);
    expect([got.bitmap, got.width]).toEqual(["[object ImageBitmap]", 16]);
  });

  test("an image of another server that may not be read says crossorigin", async () => {
    const other = await serve({ photos: fixture("imagefolder/faces/color") });
    onTestFinished(() => other.close());
    const page = await opened(server.address);
    const got = await page.evaluate(async (address) => {
      const model = await P.Pioneer.load("model", { parts: ["directions"] });
      const image = new Image();
      image.src = `${address}/photos/a.jpg`;
      await image.decode();
      return model.prepare(image).then(String, (error: Error) => error.message);
    }, other.address);
    expect(got).toContain('cannot be read: it came from another server: set crossorigin="anonymous" on the img');
  });

  test("a page that was opened from a file says that it must be served", async () => {
    const folder = temporaryFolder();
    const classic = (await bundled("browser", "iife")).replaceAll("</script", "<\\/script");
    writeFileSync(join(folder, "index.html"), `<!doctype html><script>${classic}</script>`);
    const page = await opened(String(pathToFileURL(join(folder, "index.html"))));
    const got = await page.evaluate(() => P.Pioneer.load("model").then(String, (error: Error) => error.message));
    expect(got).toMatch(/^file:\/\/.*config\.json cannot be fetched .*serve its folder \(python3 -m http\.server\)$/);
  });

  test("a service worker, which may not import(), is told where else to compute; it edits", async () => {
    const worker = `
      import * as P from "/runtime.js";
      addEventListener("message", (event) => event.waitUntil((async () => {
        const edits = await P.Pioneer.load("model", { parts: ["directions"] });
        const z = P.sampleLatents(1, 16, 1);
        const middle = edits.slerp(z, z, 0.5).length;
        const message = await P.Pioneer.load("model", { backend: "wasm" }).then(String, (error) => error.message);
        event.source.postMessage([middle, message]);
      })()));`;
    const serving = await serve(folders, { ...texts, "/service.js": worker });
    onTestFinished(() => serving.close());
    const page = await opened(serving.address);
    const got = await page.evaluate(async () => {
      await navigator.serviceWorker.register("/service.js", { type: "module" });
      const { active } = await navigator.serviceWorker.ready;
      return new Promise((resolve) => {
        navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
        active?.postMessage("compute");
      });
    });
    expect(got).toEqual([16, expect.stringMatching(/^a service worker may not import\(\) /)]);
  });
});
