// A wall, a pad and a lesson in a real browser.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { expect, test } from "vitest";
import { button, describeInBrowser, downloaded, kept, openPage, patience } from "../support/page.ts";
import { copiedModel, openForTest } from "../support/studio.ts";

describeInBrowser("what the model makes up", () => {
  test("arrow keys go over the wall, letters act, and a picture leads to those like it", async () => {
    const { url } = await openForTest();
    const page = await openPage(url);
    await button(page, "Edit seed 1, 1").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowLeft");
    await page.locator("[aria-label='Edit seed 1, 2']:focus").waitFor();
    await page.keyboard.press("ArrowDown");
    expect(await page.locator(":focus").getAttribute("aria-label")).not.toBe("Edit seed 1, 2");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("l");
    await button(page, "Edit like seed 1, 2, 1").waitFor();
    await button(page, "All samples").click();
    await page.getByLabel("Seed", { exact: true }).fill("5");
    await button(page, "Edit seed 5, 1").click();
    await page.getByText("seed 5, 1", { exact: true }).waitFor();
  });

  test("what varies most becomes axes, walked along on a map and by sliders; one that is named is a slider in Edit", async () => {
    const { url } = await openForTest();
    const page = await openPage(url);
    await page.getByRole("radio", { name: "Axes" }).check();
    await button(page, "Find the axes").click();
    const place = page.getByRole("slider", { name: "The place on the map" });
    await place.focus();
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("ArrowUp");
    expect(await place.getAttribute("aria-valuetext")).toBe("Axis 1 +0.6, Axis 2 +0.1");
    await page.getByRole("slider", { name: "Axis 3" }).focus();
    await page.keyboard.press("Home");
    await page.getByLabel("Up", { exact: true }).selectOption("Axis 3");
    expect(await place.getAttribute("aria-valuetext")).toBe("Axis 1 +0.6, Axis 3 -3.0");

    await button(page, "Name Axis 1").click();
    await page.keyboard.type("light");
    await page.keyboard.press("Enter");
    await page.getByRole("slider", { name: "light" }).waitFor();
    await button(page, "Edit this").click();
    const slider = page.getByRole("slider", { name: "light" });
    await slider.focus();
    await page.keyboard.press("End");
    expect(await slider.inputValue()).toBe(await slider.getAttribute("max"));

    // The browser keeps them, a moment later: they are there at once after a reload.
    await expect.poll(() => kept(page), patience).toContain('"light":{');
    await page.goto(`${url}/#explore`);
    await page.reload();
    await page.getByRole("radio", { name: "Axes" }).check();
    await page.getByRole("slider", { name: "light" }).waitFor();
  });

  test("the point of the pad is dragged and moved by keys; strip, GIF and video are what they say", async () => {
    const { url } = await openForTest();
    const page = await openPage(url, { part: "morph" });
    const point = page.getByRole("slider", { name: "The point on the pad" });
    const box = await page.locator(".pad").boundingBox();
    if (!box) throw new Error("the pad is not shown");
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.7 * box.height, { steps: 10 });
    await page.mouse.up();
    expect(await point.getAttribute("aria-valuetext")).toBe("20 % across, 70 % down");
    await point.focus();
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("ArrowUp");
    expect(await point.getAttribute("aria-valuetext")).toBe("30 % across, 68 % down");

    const strip = await downloaded(page, () => button(page, "Strip").click());
    // Six pictures of 16 pixels from each of four corners to the next.
    expect(await sharp(strip.bytes).metadata()).toMatchObject({ format: "png", width: 4 * 6 * 16, height: 16 });
    const gif = await downloaded(page, () => button(page, "GIF").click());
    expect(await sharp(gif.bytes, { pages: -1 }).metadata()).toMatchObject({ format: "gif", pages: 4 * 24, loop: 0 });
    const video = await downloaded(page, () => button(page, "Video").click());
    expect(await seconds(page, video.bytes, video.name)).toBeCloseTo(4, 1);
  });

  test("ten clicks teach a direction, which is measured, used, and saved into the model", async () => {
    const folder = copiedModel();
    const { url } = await openForTest({ models: [folder] });
    const page = await openPage(url, { part: "teach" });
    await page.getByLabel("Attribute").fill("dots");
    const tiles = page.locator(".sort-tile");
    for (let i = 0; i < 5; i++) await tiles.nth(i).click();
    await page.getByRole("radio", { name: /has not/ }).check();
    for (let i = 5; i < 9; i++) await tiles.nth(i).click();
    await tiles.nth(9).focus();
    await page.keyboard.press("n");
    await page.getByText("5 with, 5 without").waitFor();
    await page.getByText("right on pictures that were left out, of 10").waitFor();
    expect(await page.getByRole("img", { name: /^Strength/ }).count()).toBe(7);
    const before = await tiles.count();
    await button(page, "Ask me about 10 it is unsure of").click();
    await expect.poll(() => tiles.count(), patience).toBe(before + 10);

    await button(page, "Save into the model").click();
    await page.getByText("is saved into the model").waitFor();
    const file = JSON.parse(readFileSync(join(folder, "directions.json"), "utf8"));
    expect(file.directions.dots).toMatchObject({ method: "linear", fitted: { count: 10, missing: 0 } });
    await page.getByRole("link", { name: "Edit" }).click();
    await button(page, "Edit sample 1").click();
    await page.getByRole("slider", { name: /^dots/ }).waitFor();
  });
});

/** How long a video is, as the browser plays it. */
function seconds(page: Page, bytes: Buffer, name: string): Promise<number> {
  const type = name.endsWith(".mp4") ? "video/mp4" : "video/webm";
  return page.evaluate(
    ([text, kind]) =>
      new Promise<number>((resolve, reject) => {
        const video = document.createElement("video");
        video.addEventListener("loadedmetadata", () => resolve(video.duration));
        video.addEventListener("error", () => reject(new Error(video.error?.message)));
        const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        video.src = URL.createObjectURL(new Blob([data], { type: kind }));
      }),
    [bytes.toString("base64"), type] as const,
  );
}
