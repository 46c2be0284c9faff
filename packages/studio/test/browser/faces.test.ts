// Faces are found in a real browser: for a model of aligned faces a dropped photo is placed by itself.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { changedModel } from "../../../runtime/test/support/fixtures.ts";
import { drawnAt, type Pasted, pictureWith } from "../../../runtime/test/support/found-faces.ts";
import { button, describeInBrowser, dropFiles, openPage, patience } from "../support/page.ts";
import { openForTest } from "../support/studio.ts";

const drop = async (page: Page, ...faces: readonly Pasted[]) =>
  dropFiles(page, [{ name: "people.png", type: "image/png", bytes: await pictureWith(...faces) }]);

/** How much smaller the square is than the photo's shorter side, 480 pixels; a power of two. */
const zoom = async (page: Page) => Number(await page.getByRole("slider", { name: "Zoom" }).inputValue());
/** A side found a tenth too long or too short. */
const tolerance = Math.log2(1.1);
const zoomOf = ({ side }: Pasted) => Math.log2(480 / side);

describeInBrowser("a model of aligned faces", () => {
  test("places a photo by its face; of two the person chooses one; without one it says so", async () => {
    const { url } = await openForTest({ models: [changedModel({ config: { align: drawnAt } })] });
    const page = await openPage(url, { part: "edit" });
    await button(page, "Choose a photo").waitFor();
    const one: Pasted = { name: "one", left: 40, top: 60, side: 150 };
    const other: Pasted = { name: "other", left: 330, top: 120, side: 260 };

    await drop(page, one);
    await page.getByText("The face was found, and the photo placed by it.").waitFor();
    expect(Math.abs((await zoom(page)) - zoomOf(one))).toBeLessThan(tolerance);
    // Dropping it and placing it is one step.
    await button(page, "Undo").click();
    await button(page, "Choose a photo").waitFor();

    await drop(page, one, other);
    await page.getByText("2 faces are found.").waitFor();
    expect(Math.abs((await zoom(page)) - zoomOf(other))).toBeLessThan(tolerance);
    await button(page, "Take face 2 of 2").click();
    await expect.poll(async () => Math.abs((await zoom(page)) - zoomOf(one)), patience).toBeLessThan(tolerance);

    await drop(page);
    await page.getByText("No face is found: place the photo by hand.").waitFor();
    expect(await zoom(page)).toBe(0);
  });
});
