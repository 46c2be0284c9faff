// The studio's page in a real Chromium, with the model in the box: from a slider's change to its pixels, and from the first
// visit to the first reconstruction.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { watchOthers } from "./others.ts";
import { repository } from "./places.ts";
import { progress } from "./process.ts";
import { medianOf, type Spread, spreadOf } from "./spread.ts";
import { installFirstVisit, slide } from "./studio-page.ts";

/** Milliseconds. */
export interface Latency {
  readonly median: number;
  readonly p95: number;
  readonly count: number;
}

export interface StudioTiming {
  readonly model: { readonly name: string; readonly resolution: number; readonly latent: number };
  readonly chromium: string;
  /** From a slider's change to the frame that shows it: computed in the page, and by the server. */
  readonly slider: { readonly page: Latency; readonly server: Latency };
  /** One picture asked of the server, by a program on the same machine. */
  readonly request: Latency;
  readonly firstVisit: {
    /** From the navigation, nothing in the cache, to the reconstruction of a photo that is dropped as soon as it can be. */
    readonly seconds: Spread;
    /** Sent to the browser by then, and until the page computes by itself too. */
    readonly bytes: number;
    readonly bytesInAll: number;
    readonly visits: number;
  };
  /**
   * What else the machine did: processors that other processes kept busy meanwhile, of how many. Older files have a load
   * average in its place, of processes that wanted to compute, this measurement's own among them.
   */
  readonly load: { readonly others?: number; readonly processes?: number; readonly cores: number };
}

const modelFolder = join(repository, "packages", "pioneer", "models", "faces-photos");
const patienceMs = 120_000;

/** @returns undefined where there is no Chromium */
export async function timeStudio({ changes = 200, visits = 5 } = {}): Promise<StudioTiming | undefined> {
  const executablePath = findChromium();
  if (!executablePath) {
    progress("no Chromium (CHROMIUM names one): the studio's page is not measured");
    return undefined;
  }
  const others = watchOthers();
  const studio = await startStudio();
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
  const browser = await chromium.launch({ executablePath, args, timeout: patienceMs });
  try {
    const config = JSON.parse(readFileSync(join(modelFolder, "config.json"), "utf8"));
    return {
      model: { name: "faces-photos", resolution: config.resolution, latent: config.latent },
      chromium: browser.version(),
      slider: await timeSlider(browser, studio.url, changes),
      request: await timeRequests(studio.url, config.latent, changes),
      firstVisit: await timeFirstVisits(browser, studio.url, visits),
      // While the browser's processes are there: none of theirs is lost.
      load: { others: others(), cores: cpus().length },
    };
  } finally {
    await browser.close();
    studio.process.kill();
  }
}

function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const search = "command -v chromium || command -v chromium-browser || command -v google-chrome";
  return spawnSync("sh", ["-c", search], { encoding: "utf8" }).stdout.trim() || undefined;
}

/** The command, as a user starts it. */
async function startStudio(): Promise<{ readonly process: ChildProcess; readonly url: string }> {
  const pioneer = join(repository, "packages", "pioneer", "bin", "pioneer.js");
  const child = spawn(process.execPath, [pioneer, "studio", modelFolder, "--port", "0", "--no-open"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    const [url] = /http:\/\/[^ ]*/.exec(line) ?? [];
    if (url) return { process: child, url: new URL(url).origin };
  }
  throw new Error("pioneer studio ended before it had an address");
}

async function timeSlider(browser: Browser, url: string, changes: number): Promise<StudioTiming["slider"]> {
  progress(`a slider, ${changes} changes computed in the page and as many on the server`);
  const page = await newPage(browser);
  await page.goto(`${url}/#edit`);
  await page.getByRole("button", { name: "Edit sample 1" }).click();
  const timed = async (place: "in this page" | "on the server") => {
    await page.getByLabel(/^Computed /).click();
    await page.getByRole("button", { name: `Compute ${place}` }).click();
    await page.locator(`summary[aria-label^='Computed ${place}']`).waitFor();
    await page.locator(".result[aria-busy='false']").waitFor();
    await page.evaluate(slide, 10);
    return latencyOf(await page.evaluate(slide, changes));
  };
  const slider = { page: await timed("in this page"), server: await timed("on the server") };
  await page.context().close();
  return slider;
}

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(patienceMs);
  return context.newPage();
}

async function timeRequests(url: string, latent: number, count: number): Promise<Latency> {
  progress(`${count} requests`);
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify({ latents: [[1, ...Array<number>(latent - 1).fill(0)]] });
  const headers = { "X-Pioneer": "1", "Content-Type": "application/json", Accept: "application/octet-stream" };
  const one = async () => {
    const asked = request(`${url}/api/models/faces-photos/decode`, { method: "POST", agent, headers });
    const start = performance.now();
    asked.end(body);
    const [answer] = await once(asked, "response");
    await answer.resume();
    await once(answer, "end");
    if (answer.statusCode !== 200) throw new Error(`decode was answered ${answer.statusCode}`);
    return performance.now() - start;
  };
  for (let i = 0; i < 10; i++) await one();
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await one());
  agent.destroy();
  return latencyOf(times);
}

async function timeFirstVisits(browser: Browser, url: string, visits: number): Promise<StudioTiming["firstVisit"]> {
  progress(`${visits} first visits`);
  const photo = (await phonePhoto()).toString("base64");
  const seconds: number[] = [];
  let [bytes, bytesInAll] = [0, 0];
  for (let visit = 0; visit < visits; visit++) {
    const counted = await countingProxy(url);
    const page = await newPage(browser);
    await page.addInitScript(installFirstVisit, photo);
    await page.goto(`${counted.url}/#edit`, { waitUntil: "commit" });
    const handle = await page.waitForFunction(() => (globalThis as { reconstructedAt?: number }).reconstructedAt);
    seconds.push(((await handle.jsonValue()) as number) / 1000);
    bytes = counted.bytes();
    // The menu knows both once the page's own engine was timed.
    await page.getByLabel(/^Computed /).click();
    await page.locator("button:has-text('Compute in this page'):not([disabled])").waitFor();
    bytesInAll = counted.bytes();
    await page.context().close();
    counted.close();
  }
  return { seconds: spreadOf(seconds), bytes, bytesInAll, visits };
}

/** A JPEG of six megapixels that costs the decoder what a photo does. */
const phonePhoto = (): Promise<Buffer> =>
  sharp({
    create: {
      width: 3000,
      height: 2000,
      channels: 3,
      background: "black",
      noise: { type: "gaussian", mean: 128, sigma: 60 },
    },
  })
    .blur(1.5)
    .jpeg({ quality: 90 })
    .toBuffer();

/** Passes on what is said between a browser and the server, and counts what the server says, headers included. */
async function countingProxy(url: string) {
  let bytes = 0;
  const { hostname, port } = new URL(url);
  const proxy = createServer((browser) => {
    const server = connect(Number(port), hostname);
    server.on("data", (part) => {
      bytes += part.length;
    });
    browser.pipe(server).pipe(browser);
    const end = () => {
      browser.destroy();
      server.destroy();
    };
    for (const side of [browser, server]) side.on("error", end).on("close", end);
  });
  proxy.listen(0, hostname);
  await once(proxy, "listening");
  const { port: own } = proxy.address() as AddressInfo;
  return { url: `http://${hostname}:${own}`, bytes: () => bytes, close: () => void proxy.close() };
}

function latencyOf(times: readonly number[]): Latency {
  const p95 = [...times].sort((a, b) => a - b)[Math.floor(0.95 * times.length)] as number;
  return { median: medianOf(times), p95, count: times.length };
}
