// Each part of the page by axe-core, light and dark, and from a phone's width to a wall's.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { changedModel, oneDirection } from "../../../runtime/test/support/fixtures.ts";
import { button, describeInBrowser, dropFiles, openPage, photo } from "../support/page.ts";
import { openForTest } from "../support/studio.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const parts = ["explore", "edit", "morph", "teach", "watch"] as const;

describeInBrowser("accessible", () => {
  test.each([
    { width: 360, height: 740, dark: false },
    { width: 1280, height: 800, dark: true },
    { width: 2560, height: 1440, dark: false },
  ])("axe finds nothing and nothing sticks out at $width pixels, dark: $dark", async (look) => {
    const folder = changedModel({ files: { "directions.json": oneDirection } });
    const { url } = await openForTest({ models: [folder] });
    const page = await openPage(url, { part: "edit", ...look });
    await page.getByRole("button", { name: "Choose a photo" }).waitFor();
    await dropFiles(page, [photo]);
    await page.getByText("% off on average").waitFor();
    for (const part of parts) {
      await page.goto(`${url}/#${part}`);
      // While a part is fetched, the heading of the part before is still there, hidden.
      const heading = page.locator(`main[data-route='${part}']`).getByRole("heading", { level: 1 });
      await heading.first().waitFor({ state: "attached" });
      await check(page, `${part} at ${look.width}`);
      if (part === "edit") {
        await button(page, "Many photos").click();
        await check(page, `many photos at ${look.width}`);
        await button(page, "Close").click();
      }
      if (part === "explore" && look.width === 360) {
        await page.getByRole("radio", { name: "Axes" }).check();
        await button(page, "Find the axes").click();
        await page.getByRole("slider", { name: "The place on the map" }).waitFor();
        await check(page, `axes at ${look.width}`);
      }
    }
  });
});

async function check(page: Page, what: string): Promise<void> {
  // By the debugger, which the page's content security policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`);
  expect(found, what).toEqual([]);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(beyond, what).toBeLessThanOrEqual(0);
}
