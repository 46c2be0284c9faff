import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** CHROMIUM, or what the system has; undefined where there is none. */
function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const places = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const { stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    places.push(stdout.trim());
  }
  return places.find((place) => place !== "" && existsSync(place));
}

const executablePath = findChromium();

/** Why tests in a browser cannot run here; undefined where they can. */
export const noBrowser = executablePath
  ? undefined
  : "no Chromium: install it (Debian: apt install chromium), or set CHROMIUM to one";
if (noBrowser) console.warn(`skipped: tests in a browser; ${noBrowser}`);

export interface BrowserOptions {
  readonly webgpu: boolean;
  /** One whose pictures are drawn; pages may use it once they are permitted to. */
  readonly camera?: boolean;
  /** Names of hosts that it finds elsewhere: "MAP name address". */
  readonly hosts?: string;
}

/** A headless Chromium; with WebGPU computed by the processor where that is asked for. */
export function openBrowser({ webgpu, camera, hosts }: BrowserOptions): Promise<Browser> {
  const gpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];
  return chromium.launch({
    ...(executablePath && { executablePath }),
    timeout: 100_000,
    // Root (in a container) has no sandbox.
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      ...(webgpu ? gpu : ["--disable-gpu"]),
      ...(camera ? ["--use-fake-device-for-media-stream"] : []),
      ...(hosts ? [`--host-resolver-rules=${hosts}`] : []),
    ],
  });
}
