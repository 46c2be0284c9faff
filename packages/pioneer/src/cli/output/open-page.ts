import { spawn } from "node:child_process";

/** What opens an address in the browser that the user prefers, where there is a screen. */
function opener(): readonly string[] | undefined {
  if (process.platform === "darwin") return ["open"];
  if (process.platform === "win32") return ["cmd", "/c", "start", ""];
  return process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? ["xdg-open"] : undefined;
}

/** Opens a page in the user's browser; where that does not work, the address was printed. */
export function openPage(address: string): void {
  const [file, ...args] = opener() ?? [];
  if (file === undefined) return;
  const child = spawn(file, [...args, address], { detached: true, stdio: "ignore" });
  child.on("error", () => undefined);
  child.unref();
}
