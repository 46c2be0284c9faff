// The real page in a headless Chromium, served by the real server.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import { noBrowser, openBrowser } from "../../../runtime/test/support/chromium.ts";
import { fixture } from "./studio.ts";

/** Two cores that others use too: what is waited for comes, but not soon. */
const patienceMs = 90_000;
/** For expect.poll. */
export const patience = { timeout: patienceMs };
/** Of a test with several pages. */
const browserTimeoutMs = 300_000;

/** A file to drop. */
export const photo = {
  name: "a.jpg",
  type: "image/jpeg",
  bytes: readFileSync(fixture("imagefolder/faces/color/a.jpg")),
};

let browser: Browser;

/** Tests that share a browser; skipped where there is none. */
export function describeInBrowser(name: string, tests: () => void): void {
  describe.skipIf(noBrowser)(name, { timeout: browserTimeoutMs }, () => {
    beforeAll(async () => {
      browser = await openBrowser({ webgpu: false, camera: true });
    });
    afterAll(() => browser?.close());
    tests();
  });
}

/**
 * Opens a part of the page in a browser profile of its own. At the end of the test nothing may have gone wrong in it, and
 * nothing may have been asked of another host.
 */
export async function openPage(
  url: string,
  { part = "explore", width = 1280, height = 800, dark = false } = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(url) && !/^(blob|data):/.test(address)) faults.push(`asked ${address}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${url}/#${part}`);
  await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
  return page;
}

/** Drops files as a person would: what the browser gives the page of them. */
export async function dropFiles(
  page: Page,
  files: readonly { readonly name: string; readonly type: string; readonly bytes: Uint8Array }[],
): Promise<void> {
  const sent = files.map(({ name, type, bytes }) => ({ name, type, text: Buffer.from(bytes).toString("base64") }));
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, type, text } of list) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name, { type }));
    }
    return data;
  }, sent);
  await page.dispatchEvent(".drop-anywhere", "dragover", { dataTransfer: transfer });
  await page.dispatchEvent(".drop-anywhere", "drop", { dataTransfer: transfer });
}

export const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true });

/** The file that a click makes the browser save. */
export async function downloaded(page: Page, click: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const waiting = page.waitForEvent("download");
  await click();
  const download = await waiting;
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** Until the result is that of the edit as it is now. */
export const settled = (page: Page): Promise<void> => page.locator(".result[aria-busy='false']").waitFor();

/** What the browser keeps of the page, as JSON. */
export const kept = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const open = indexedDB.open("keyval-store");
    await new Promise((resolve) => open.addEventListener("success", resolve));
    const all = open.result.transaction("keyval").objectStore("keyval").getAll();
    await new Promise((resolve) => all.addEventListener("success", resolve));
    open.result.close();
    return JSON.stringify(all.result);
  });
