// A run watched in a real browser; what is written into its folder appears.
import { spawn } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { describeInBrowser, openPage, patience } from "../support/page.ts";
import { openForTest } from "../support/studio.ts";

const tick = (images: number) => ({
  images,
  totalImages: 8000,
  phase: 0,
  phaseStartImages: 0,
  phaseEndImages: 8000,
  alpha: 1,
  resolution: 4,
  batch: 16,
  imagesPerSecond: 100,
  losses: { klReal: 2 + images / 1e4, klFake: 3, xRecon: 0.5 - images / 1e5 },
  cosine: images / 1e4,
  elapsedSeconds: images / 100,
});

/** A grid of one brightness, so that it can be told which it is. */
const grid = (brightness: number) =>
  sharp({
    create: { width: 526, height: 526, channels: 3, background: { r: brightness, g: brightness, b: brightness } },
  })
    .png()
    .toBuffer();

async function runsFolder(): Promise<{ runs: string; run: string }> {
  const runs = mkdtempSync(join(tmpdir(), "pioneer-studio-runs-"));
  onTestFinished(() => rmSync(runs, { recursive: true, force: true }));
  const run = join(runs, "faces");
  mkdirSync(run);
  writeFileSync(
    join(run, "config.json"),
    JSON.stringify({ format: 1, data: "faces.pack", recipe: "cycle", latent: 16 }),
  );
  writeFileSync(
    join(run, "stats.jsonl"),
    [1000, 2000, 3000, 4000].map((at) => `${JSON.stringify(tick(at))}\n`).join(""),
  );
  for (const [kimg, brightness] of [
    [1, 50],
    [2, 100],
    [4, 200],
  ] as const) {
    writeFileSync(join(run, `samples-0000000${kimg}.png`), await grid(brightness));
  }
  return { runs, run };
}

describeInBrowser("watching a run", () => {
  test("one scrubber moves curves and pictures; moments are pinned; new lines and pictures come by themselves", async () => {
    const { runs, run } = await runsFolder();
    const { url } = await openForTest({ runs });
    const page = await openPage(url, { part: "watch" });
    const shown = (name: string) => page.locator(`.grids-row figure:first-child img[src*='${name}']`).waitFor();
    await shown("samples-00000004.png");
    await page.getByText("4.0 of 8 kimg").waitFor();

    const scrubber = page.getByRole("slider", { name: "Moment of the run" });
    await scrubber.focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByText("2.0 of 8 kimg").waitFor();
    await shown("samples-00000002.png");
    // Curves say their values there.
    await page.getByText("xRecon 0.480").waitFor();
    await page.getByRole("button", { name: "Pin this moment" }).click();
    await page.getByText("Pinned: faces at 2 kimg").waitFor();

    // A click in the middle of a curve, which begins at 1 kimg and ends at 4.
    const plot = page.locator(".chart .u-over").first();
    const { width, height } = (await plot.boundingBox()) ?? { width: 0, height: 0 };
    await plot.click({ position: { x: width / 2, y: height / 2 } });
    await expect.poll(async () => Number(await scrubber.inputValue()), patience).toBeCloseTo(2.5, 1);
    await page.getByRole("button", { name: "Jump to latest" }).click();

    appendFileSync(join(run, "stats.jsonl"), `${JSON.stringify(tick(5000))}\n`);
    writeFileSync(join(run, "samples-00000005.png"), await grid(250));
    await page.getByText("5.0 of 8 kimg").waitFor();
    await shown("samples-00000005.png");
    expect(await page.getByText("Pinned: faces at 2 kimg").isVisible()).toBe(true);

    await page.getByRole("button", { name: "Enlarge a face" }).first().click();
    const face = page.getByRole("dialog", { name: "One face through the run" });
    await face.getByText("5 kimg").waitFor();
    await page.keyboard.press("ArrowLeft");
    await face.getByText("4 kimg").waitFor();
    await page.keyboard.press("Escape");
    await face.waitFor({ state: "hidden" });

    rmSync(run, { recursive: true });
    await page.getByText("There is none in").waitFor();
  });

  test("a run whose lines began anew before it was looked at is shown with its pictures", async () => {
    const { runs, run } = await runsFolder();
    const other = join(runs, "other");
    cpSync(run, other, { recursive: true });
    const { url } = await openForTest({ runs });
    const page = await openPage(url, { part: "watch" });
    await page.getByText("4.0 of 8 kimg").waitFor();
    writeFileSync(join(other, "anew"), `${JSON.stringify(tick(3000))}\n`);
    renameSync(join(other, "anew"), join(other, "stats.jsonl"));
    // Twice: what the first look tells of the other run is told before the second one.
    for (const kimg of [5, 6]) {
      appendFileSync(join(run, "stats.jsonl"), `${JSON.stringify(tick(1000 * kimg))}\n`);
      await page.getByText(`${kimg}.0 of 8 kimg`).waitFor();
    }
    await page.getByRole("button", { name: "other" }).click();
    await page.getByText("3.0 of 8 kimg").waitFor();
    await page.locator(".grids-row img[src*='runs/other/grids/samples-00000002.png']").waitFor();
  });

  test("a run is stopped", async () => {
    const { runs, run } = await runsFolder();
    // What holds the run as a training does, without its minutes.
    const trainer = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
    onTestFinished(() => void trainer.kill("SIGKILL"));
    const ended = new Promise((resolve) => trainer.once("exit", (_code, signal) => resolve(signal)));
    writeFileSync(join(run, ".lock"), `process ${trainer.pid}\n`);
    writeFileSync(join(run, ".lock.lock"), `${trainer.pid} `);
    const { url } = await openForTest({ runs });
    const page = await openPage(url, { part: "watch" });
    await page.getByRole("button", { name: "Stop with a checkpoint" }).click();
    expect(await ended).toBe("SIGINT");
    await page.getByRole("button", { name: "Resume" }).waitFor();
  });

  test("a run is planned before it is started", async () => {
    const { runs } = await runsFolder();
    const { url } = await openForTest({ runs });
    const page = await openPage(url, { part: "watch" });
    await page.getByRole("button", { name: "Start a run" }).click();
    await page.getByLabel("Name").fill("new");
    await page.getByLabel("Data").fill("/nowhere/faces");
    await page.getByRole("button", { name: "Show the plan" }).click();
    // The command's own words.
    await page.getByText("/nowhere/faces", { exact: false }).last().waitFor();
    expect(await page.getByRole("button", { name: "Show the plan" }).isVisible()).toBe(true);
  });
});
