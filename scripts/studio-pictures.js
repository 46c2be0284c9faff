// Takes the pictures of docs/studio.md from a studio that runs, with the model it shows first.
// usage: node scripts/studio-pictures.js ADDRESS PHOTO      (such as http://127.0.0.1:7420 photo.jpg)
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const require = createRequire(new URL("../packages/studio/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const sharp = require("sharp");

const { positionals } = parseArgs({ allowPositionals: true });
const [address, photo] = positionals;
if (!address || !photo) throw new Error("usage: node scripts/studio-pictures.js ADDRESS PHOTO");

const images = fileURLToPath(new URL("../docs/images/", import.meta.url));
const shownWidth = 1080;
/** What stands in a page of docs is no larger. */
const mostBytes = 200_000;

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** A page of its own, with nothing kept from before. */
async function open(part, { dark = false, width = 1280, height = 820 } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  page.setDefaultTimeout(180_000);
  await page.goto(`${address}/#${part}`);
  await page.locator(`main[data-route='${part}'] h1`).first().waitFor({ state: "attached" });
  return page;
}

/** Until no picture on the page waits to be computed. */
const drawn = (page, count) =>
  page.waitForFunction(
    (least) => {
      const all = [...document.querySelectorAll(".picture")].filter((picture) => {
        const { top } = picture.getBoundingClientRect();
        return top < innerHeight;
      });
      return all.length >= least && all.every((picture) => !picture.classList.contains("waiting"));
    },
    count,
    { polling: 200 },
  );

async function keep(page, name) {
  // The pointer would light what it is over.
  await page.mouse.move(0, 0);
  const png = await page.screenshot();
  for (let colours = 256; ; colours /= 2) {
    const small = await sharp(png)
      .resize({ width: Math.min(shownWidth, page.viewportSize().width) })
      .png({ palette: true, colours, effort: 10, dither: 0.4 })
      .toBuffer();
    if (small.length > mostBytes && colours > 16) continue;
    await sharp(small).toFile(`${images}studio-${name}.png`);
    console.log(`studio-${name}.png ${small.length} bytes, ${colours} colours`);
    break;
  }
  await page.close();
}

async function editPhoto(page) {
  await page.getByRole("button", { name: "Choose a photo" }).waitFor();
  await page.setInputFiles("main input[type=file]", photo);
  await page.getByText("% off on average").waitFor();
  // A face that is found moves the square.
  await page.getByText("Looking for a face…").waitFor({ state: "hidden" });
  await page.getByRole("slider").filter({ visible: true }).first().waitFor();
  const first = page.locator(".directions input[type=range]").first();
  if (await first.count()) {
    await first.focus();
    for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowRight");
  }
  await page.locator(".result[aria-busy='false']").waitFor();
  await page.evaluate(() => document.activeElement?.blur());
}

const explore = await open("explore");
await drawn(explore, 36);
await keep(explore, "explore");

const edit = await open("edit");
await editPhoto(edit);
await keep(edit, "edit");

const phone = await open("edit", { dark: true, width: 390, height: 844 });
await editPhoto(phone);
await keep(phone, "phone");

const morph = await open("morph", { dark: true });
await drawn(morph, 50);
await keep(morph, "morph");

const teach = await open("teach");
await drawn(teach, 40);
await teach.getByLabel("Attribute").fill("light from the left");
const tiles = teach.locator(".sort-tile");
// By how bright their left half is beside their right one: an attribute that a script can see.
const brightness = await tiles.evaluateAll((all) =>
  all.map((tile) => {
    const canvas = tile.querySelector("canvas");
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce(
      (sum, value, i) => (i % 4 === 0 ? sum + ((i / 4) % width < width / 2 ? value : -value) : sum),
      0,
    );
  }),
);
const order = [...brightness.keys()].sort((a, b) => brightness[b] - brightness[a]);
for (const i of order.slice(0, 10)) await tiles.nth(i).click();
await teach.getByRole("radio", { name: /has not/ }).check();
for (const i of order.slice(-10)) await tiles.nth(i).click();
await teach.getByText("right on pictures that were left out, of 20").waitFor();
await drawn(teach, 47);
await keep(teach, "teach");

const watch = await open("watch", { dark: true, height: 1000 });
await watch.locator(".grid-picture img").first().waitFor();
const scrubber = watch.getByRole("slider", { name: "Moment of the run" });
await scrubber.focus();
await watch.keyboard.press("PageDown");
await watch.getByRole("button", { name: "Pin this moment" }).click();
await watch.getByRole("button", { name: "Jump to latest" }).click();
await watch.waitForFunction(() => [...document.images].every((image) => image.complete));
await keep(watch, "watch");

await browser.close();
