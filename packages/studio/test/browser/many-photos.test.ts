// The same edit on many photos, in a real browser.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { expect, test } from "vitest";
import { changedModel, oneDirection, worst } from "../../../runtime/test/support/fixtures.ts";
import { readText } from "../../src/page/image/png-text.ts";
import type { EditFile } from "../../src/shared/project.ts";
import { button, describeInBrowser, downloaded, dropFiles, openPage, photo, settled } from "../support/page.ts";
import { fixture, openForTest } from "../support/studio.ts";

/** An edit of a sample, and a folder of photos beside the model. */
async function opened() {
  const folder = changedModel({ files: { "directions.json": oneDirection } });
  const { url } = await openForTest({ models: [folder] });
  const page = await openPage(url, { part: "edit" });
  await button(page, "Edit sample 1").click();
  await page.getByRole("slider", { name: /^smile/ }).focus();
  await page.keyboard.press("End");
  await settled(page);
  return { folder, page };
}

function photosIn(folder: string): string {
  const photos = join(folder, "photos");
  mkdirSync(join(photos, "2020"), { recursive: true });
  copyFileSync(fixture("imagefolder/faces/color/a.jpg"), join(photos, "a.jpg"));
  copyFileSync(fixture("imagefolder/faces/color/a.jpg"), join(photos, "2020/a.jpg"));
  writeFileSync(join(photos, "broken.jpg"), photo.bytes.subarray(0, 300));
  writeFileSync(join(photos, "notes.txt"), "no picture");
  return photos;
}

const settingsOf = (png: Uint8Array) => JSON.parse(readText(png, "pioneer-edit") ?? "") as EditFile;
const pixelsOf = (png: Buffer) => sharp(png).raw().toBuffer();
const edit = (page: Page) => () => button(page, "Edit them").click();

describeInBrowser("the same edit on many photos", () => {
  test("a folder becomes a zip of its photos at their size, each edited; a broken one is named", async () => {
    const { folder, page } = await opened();
    await button(page, "Many photos").click();
    await page.getByLabel("A folder for the same edit").setInputFiles(photosIn(folder));
    await page.getByText("3 photos. 1 other file is left alone.").waitFor();
    const zip = await downloaded(page, edit(page));
    await page.getByText("2 of 3 are saved.").waitFor();
    expect(await page.getByRole("list", { name: "Left out" }).getByRole("listitem").allInnerTexts()).toEqual([
      expect.stringMatching(/^broken\.jpg cannot be read/),
    ]);
    const files = unzipSync(zip.bytes);
    expect(Object.keys(files).sort()).toEqual(["photos/2020/a edited.png", "photos/a edited.png"]);
    const { width, height } = await sharp(photo.bytes).metadata();
    for (const png of Object.values(files)) {
      expect(await sharp(png).metadata()).toMatchObject({ format: "png", width, height });
      expect(settingsOf(png)).toMatchObject({ name: "a", strengths: { smile: 2.4 } });
    }

    // Squares, one by one: the same as the square of a photo that is edited alone.
    await page.getByRole("radio", { name: "Squares" }).check();
    await page.getByRole("radio", { name: "One by one" }).check();
    await page.getByLabel("Photos for the same edit").setInputFiles(join(folder, "photos/a.jpg"));
    const square = await downloaded(page, edit(page));
    expect(square.name).toBe("a edited.png");
    await button(page, "Close").click();
    await dropFiles(page, [photo]);
    await page.getByText("% off on average").waitFor();
    await settled(page);
    const alone = await downloaded(page, () => button(page, "Save picture").click());
    // Page and server may both have computed: each number rounds to a neighbour at most.
    expect(worst(await pixelsOf(square.bytes), await pixelsOf(alone.bytes))).toBeLessThanOrEqual(1);
  });

  test("stopped, it saves what is done; several photos that are dropped are chosen for it", async () => {
    const { page } = await opened();
    const files = Array.from({ length: 30 }, (_, i) => ({ ...photo, name: `${i + 1}.jpg` }));
    await dropFiles(page, files);
    await page.getByText("30 photos.").waitFor();
    // As soon as one is done, in the page itself: from outside all might be by then.
    await page.evaluate(() => {
      const watch = new MutationObserver(() => {
        const progress = document.querySelector<HTMLProgressElement>("dialog progress");
        if (!progress || progress.value < 1) return;
        watch.disconnect();
        [...document.querySelectorAll("dialog button")]
          .find(({ textContent }) => textContent === "Stop")
          ?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      });
      watch.observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    const zip = await downloaded(page, edit(page));
    const names = Object.keys(unzipSync(zip.bytes));
    expect(names[0]).toBe("1 edited.png");
    expect(names.length).toBeLessThan(30);
    await page.getByText(`${names.length} of 30 are saved.`).waitFor();
  });
});
