import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export interface Server {
  /** Such as http://127.0.0.1:40123, without a slash at the end. */
  readonly address: string;
  readonly port: number;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Serves files below folders, by the first part of the path: {"": "examples/x", model: "fixtures/model-tiny"}; texts by whole path. */
export async function serve(
  folders: Readonly<Record<string, string>>,
  texts: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const asked: string[] = [];
  const find = async (path: string): Promise<string | Buffer | undefined> => {
    if (path in texts) return texts[path];
    const first = path.split("/")[1] ?? "";
    const folder = folders[first] ?? folders[""];
    if (folder === undefined) return undefined;
    const rest = first in folders && first !== "" ? path.slice(first.length + 1) : path;
    return readFile(join(folder, normalize(rest === "/" ? "/index.html" : rest))).catch(() => undefined);
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://server").pathname);
    asked.push(path);
    void find(path).then((body) => {
      const type = types[extname(path === "/" ? "/index.html" : path)] ?? "application/octet-stream";
      response.writeHead(body === undefined ? 404 : 200, { "Content-Type": type, ...headers }).end(body ?? "not found");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
