// Editing in a real browser, by what a person does: dropping, keys, dragging.
import { type DirectionsFile, Pioneer } from "pioneer-runtime";
import { edit, reachOf } from "pioneer-runtime/internal";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { expect, test } from "vitest";
import { changedModel, oneDirection, worst } from "../../../runtime/test/support/fixtures.ts";
import { readText } from "../../src/page/image/png-text.ts";
import { type EditFile, latentFromText } from "../../src/shared/project.ts";
import {
  button,
  describeInBrowser,
  downloaded,
  dropFiles,
  kept,
  openPage,
  patience,
  photo,
  settled,
} from "../support/page.ts";
import { openForTest } from "../support/studio.ts";

const directions = JSON.parse(oneDirection) as DirectionsFile;
const smile = directions.directions.smile as DirectionsFile["directions"][string];

/** model-tiny with a direction, and a page of it. */
async function opened(file = oneDirection) {
  const folder = changedModel({ files: { "directions.json": file } });
  const { url } = await openForTest({ models: [folder] });
  return { folder, page: await openPage(url, { part: "edit" }) };
}

const slider = (page: Page) => page.getByRole("slider", { name: /^smile/ });

/** Saves the picture. @returns its settings and pixels [side, side, 3] */
async function saved(page: Page) {
  await settled(page);
  const { bytes } = await downloaded(page, () => button(page, "Save picture").click());
  const settings = JSON.parse(readText(bytes, "pioneer-edit") ?? "") as EditFile;
  return { bytes, settings, pixels: await sharp(bytes).removeAlpha().raw().toBuffer() };
}

describeInBrowser("editing", () => {
  test("a dropped photo is reconstructed; a dragged slider ends on the exact value; the file holds what was done", async () => {
    const { folder, page } = await opened();
    await button(page, "Choose a photo").waitFor();
    await dropFiles(page, [photo]);
    await page.getByText("% off on average").waitFor();
    const box = await slider(page).boundingBox();
    if (!box) throw new Error("the slider is not shown");
    const [y, middle] = [box.y + box.height / 2, box.x + box.width / 2];
    await page.mouse.move(middle, y);
    await page.mouse.down();
    await page.mouse.move(middle + 0.31 * box.width, y, { steps: 25 });
    await page.mouse.up();
    const { settings, pixels } = await saved(page);
    expect(settings.strengths.smile).toBeGreaterThan(1);
    expect(settings.strengths.smile).toBe(Number(await slider(page).inputValue()));

    const model = await Pioneer.load(folder);
    const edited = edit(latentFromText(settings.latent), settings.strengths, directions);
    const [expected] = await model.decode(edited, { as: "image" });
    await model.dispose();
    const rgb = Array.from(expected?.data ?? []).filter((_, i) => i % 4 !== 3);
    // Each is rounded to a whole number; the engines differ by less than 1e-5 before that.
    expect(worst(pixels, rgb)).toBeLessThanOrEqual(1);
  });

  test("arrow keys edit, Space shows before, undo and redo go through all of it, a saved picture goes on", async () => {
    const { page } = await opened();
    await button(page, "Edit sample 1").click();
    await slider(page).focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    const edited = await saved(page);
    expect(edited.settings.strengths.smile).toBeCloseTo(0.2, 10);

    await slider(page).focus();
    await page.keyboard.down("Space");
    await page.getByRole("img", { name: "Before the edit" }).waitFor();
    await page.keyboard.up("Space");
    const picture = page.getByRole("img", { name: "The result" });
    await picture.hover();
    await page.mouse.down();
    await page.getByRole("img", { name: "Before the edit" }).waitFor();
    await page.mouse.up();
    await picture.waitFor();

    // Each key that was pressed and let go is a step.
    await page.keyboard.press("Control+z");
    expect((await saved(page)).settings.strengths.smile).toBeCloseTo(0.15, 10);
    await page.keyboard.press("Control+Shift+z");
    await button(page, "Reset all").click();
    expect((await saved(page)).settings.strengths.smile ?? 0).toBe(0);
    await button(page, "Undo").click();
    expect((await saved(page)).settings.strengths.smile).toBeCloseTo(0.2, 10);

    await button(page, "Reset all").click();
    await dropFiles(page, [{ name: "edited.png", type: "image/png", bytes: edited.bytes }]);
    await page.getByText(edited.settings.name, { exact: true }).waitFor();
    const again = await saved(page);
    expect(again.settings).toEqual(edited.settings);
    expect(again.pixels.equals(edited.pixels)).toBe(true);
  });

  test("a direction may have any name", async () => {
    const { page } = await opened(oneDirection.replace('"smile"', '"constructor"'));
    await button(page, "Edit sample 1").click();
    await page.getByRole("slider", { name: /^constructor/ }).focus();
    await page.keyboard.press("ArrowRight");
    expect((await saved(page)).settings.strengths).toEqual({ constructor: 0.05 });
  });

  test("what the edit does not touch stays the photo: in the square at full detail, and all around it in the file", async () => {
    const { page } = await opened();
    const [width, height] = [90, 60];
    const noise = Buffer.from(Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) % 256));
    const png = await sharp(noise, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    await button(page, "Choose a photo").waitFor();
    await dropFiles(page, [{ name: "noise.png", type: "image/png", bytes: png }]);
    await page.getByText("% off on average").waitFor();

    await slider(page).focus();
    await page.keyboard.press("End");
    await settled(page);
    const pasted = await downloaded(page, () => button(page, "Save photo").click());
    expect(pasted.name).toBe("noise edited.png");
    const after = await sharp(pasted.bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([after.info.width, after.info.height]).toEqual([width, height]);
    const differs = (x: number, y: number) => {
      const at = 3 * (y * width + x);
      return !after.data.subarray(at, at + 3).equals(noise.subarray(at, at + 3));
    };
    expect(differs(45, 30)).toBe(true);
    // The middle square goes from 15 to 75.
    for (let y = 0; y < height; y++) for (const x of [0, 7, 14, 75, 80, 89]) expect(differs(x, y)).toBe(false);

    await button(page, "Reset all").click();
    await page.getByRole("slider", { name: /^Keep photo detail/ }).focus();
    await page.keyboard.press("End");
    await settled(page);
    const kept = await downloaded(page, () => button(page, "Save photo").click());
    expect((await sharp(kept.bytes).removeAlpha().raw().toBuffer()).equals(noise)).toBe(true);
  });

  test("the photo is placed by dragging, wheel and keys; refining can only come closer", async () => {
    const { page } = await opened();
    await button(page, "Choose a photo").waitFor();
    await dropFiles(page, [photo]);
    const frame = page.getByRole("group", { name: /^Place the photo/ });
    await page.getByText("% off on average").waitFor();
    const before = (await saved(page)).settings.latent;
    const box = await frame.boundingBox();
    if (!box) throw new Error("the frame is not shown");
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, -400);
    const zoom = page.getByRole("slider", { name: /^Zoom/ });
    await expect.poll(async () => Number(await zoom.inputValue()), patience).toBeGreaterThan(0.5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 3, { steps: 5 });
    await page.mouse.up();
    const dragged = (await saved(page)).settings.latent;
    expect(dragged).not.toBe(before);
    await frame.focus();
    await page.keyboard.press(".");
    expect(Number(await page.getByRole("slider", { name: /^Turn/ }).inputValue())).toBe(1);
    await button(page, "Refine").click();
    await page.getByText(/closer than before|as close as it gets/).waitFor();
    await button(page, "Whole middle").click();
    // What was said is not of the photo as it is placed now.
    await page.getByText("Brings the reconstruction closer").waitFor();
    // Computed on the server first and then in the page, perhaps: within 1e-5 for each number.
    const again = latentFromText((await saved(page)).settings.latent);
    expect(worst(again, latentFromText(before))).toBeLessThan(1e-5);
  });

  test("a photo is taken with the camera, once that is allowed", async () => {
    const { page } = await opened();
    await page.context().clearPermissions();
    await button(page, "Camera").click();
    await page.getByText("the camera may not be used: allow it").waitFor();
    await page.context().grantPermissions(["camera"]);
    await button(page, "Camera").click();
    await expect
      .poll(() => page.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth), patience)
      .toBeGreaterThan(0);
    const size = await page
      .locator("video")
      .evaluate((video: HTMLVideoElement) => `${video.videoWidth}×${video.videoHeight}`);
    await button(page, "Take it").click();
    await page.getByText("% off on average").waitFor();
    await page.getByText(`${size} · drag, scroll to zoom`).waitFor();
    expect(await page.locator("video").count()).toBe(0);
  });

  test("a camera that is allowed once something else is edited is let go at once", async () => {
    const { page } = await opened();
    await page.context().grantPermissions(["camera"]);
    // The question stands until the person answers.
    await page.evaluate(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      const answered = new Promise((resolve) => addEventListener("answered", resolve));
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        await answered;
        const stream = await ask(wanted);
        Object.assign(globalThis, { stream });
        return stream;
      };
    });
    await button(page, "Camera").click();
    await button(page, "Edit sample 1").click();
    await slider(page).waitFor();
    await page.evaluate(() => dispatchEvent(new Event("answered")));
    const state = () => (globalThis as unknown as { stream?: MediaStream }).stream?.getTracks()[0]?.readyState;
    await expect.poll(() => page.evaluate(state), patience).toBe("ended");
  });

  test("what is no picture is named in one line, and nothing is lost", async () => {
    const { page } = await opened();
    await button(page, "Edit sample 2").click();
    const name = (await saved(page)).settings.name;
    const refused = [
      { name: "cut.jpg", type: "image/jpeg", bytes: photo.bytes.subarray(0, 300), says: "cut.jpg cannot be read" },
      { name: "empty.png", type: "image/png", bytes: new Uint8Array(), says: "empty.png is empty (0 bytes)" },
      { name: "IMG.HEIC", type: "image/heic", bytes: Buffer.from("....ftypheic"), says: "this browser reads no HEIC" },
      { name: "x.json", type: "application/json", bytes: Buffer.from("{}"), says: "no project of Pioneer Studio" },
    ];
    for (const { says, ...file } of refused) {
      await dropFiles(page, [file]);
      await page.getByText(says).waitFor();
    }
    expect((await saved(page)).settings.name).toBe(name);
  });

  test("a worker that is killed is told of in one line, and the server goes on", async () => {
    const { page } = await opened();
    await button(page, "Edit sample 1").click();
    const menu = page.getByLabel(/^Computed /);
    await menu.click();
    await button(page, /^Compute in this page/).click();
    await page.locator("summary[aria-label^='Computed in this page']").waitFor();
    const worker = page.workers().find((each) => /\/worker[-.]/.test(each.url()));
    await worker?.evaluate(() => {
      setTimeout(() => {
        throw new Error("killed");
      });
    });
    await page.getByText(/^the worker stopped: .*killed; the server computes now$/).waitFor();
    await slider(page).focus();
    await page.keyboard.press("End");
    expect((await saved(page)).settings.strengths.smile).toBe(reachOf(smile));
  });

  test("what was done is there again after a reload, and in a project file for another browser", async () => {
    const folder = changedModel({ files: { "directions.json": oneDirection } });
    const { url } = await openForTest({ models: [folder] });
    const page = await openPage(url, { part: "explore" });
    await button(page, "Edit seed 1, 3").focus();
    await page.keyboard.press("f");
    await page.keyboard.press("Enter");
    await slider(page).focus();
    await page.keyboard.press("End");
    const first = await saved(page);
    await page.getByLabel("Project", { exact: true }).click();
    const project = await downloaded(page, () => page.getByRole("button", { name: /^Save the project/ }).click());
    // What the browser keeps is written a moment later; its database says when.
    await expect.poll(() => kept(page), patience).toContain(`"smile":${reachOf(smile)}`);
    await page.reload();
    expect((await saved(page)).settings).toEqual(first.settings);

    const other = await openPage(url, { part: "edit" });
    await button(other, "Choose a photo").waitFor();
    await dropFiles(other, [{ name: project.name, type: "application/json", bytes: project.bytes }]);
    expect((await saved(other)).settings).toEqual(first.settings);
    await other.getByRole("link", { name: "Explore", exact: true }).click();
    await other.getByRole("list", { name: "Favourites" }).getByRole("button", { name: "Edit seed 1, 3" }).waitFor();

    // Where the direction has become a longer one, its slider goes as far as the saved edit, and shrinks once it is let go.
    const longer = { ...directions, directions: { smile: { ...smile, unit: 0.5 } } };
    const again = await opened(JSON.stringify(longer));
    await dropFiles(again.page, [{ name: project.name, type: "application/json", bytes: project.bytes }]);
    await expect.poll(() => slider(again.page).inputValue(), patience).toBe(String(reachOf(smile)));
    const box = await slider(again.page).boundingBox();
    if (!box) throw new Error("the slider is not shown");
    const [y, middle] = [box.y + box.height / 2, box.x + box.width / 2];
    await again.page.mouse.move(box.x + box.width - 4, y);
    await again.page.mouse.down();
    await again.page.mouse.move(middle, y, { steps: 5 });
    expect(Number(await slider(again.page).inputValue())).toBeCloseTo(0, 1);
    expect(await slider(again.page).getAttribute("max")).toBe(String(reachOf(smile)));
    await again.page.mouse.up();
    expect(await slider(again.page).getAttribute("max")).toBe(String(reachOf({ unit: 0.5 })));
  });
});
