// The real server on a free port, and requests with any headers to it, which fetch would not send.

import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Studio, type StudioOptions, startStudio } from "pioneer-studio";
import { onTestFinished } from "vitest";
import { addDirections as addToFile } from "../../../pioneer/src/directions/file.ts";

/** A path in the repository. */
export const inRepository = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
export const fixture = (path: string): string => inRepository(`fixtures/${path}`);

/** As `pioneer studio` does it. */
export const addDirections: StudioOptions["addDirections"] = async (folder, latent, directions) => {
  await addToFile(join(folder, "directions.json"), latent, directions);
  return folder;
};

export const { version } = JSON.parse(readFileSync(inRepository("packages/studio/package.json"), "utf8")) as {
  version: string;
};

/** The command line, from the build. */
export const pioneer = [process.execPath, inRepository("packages/pioneer/bin/pioneer.js")];

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of its body. */
  readonly json: () => unknown;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** Asks, from whatever the headers say; X-Pioneer is sent unless they say otherwise. */
export function ask(url: string, { method = "GET", headers = {}, body, signal }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { "X-Pioneer": "1", ...headers }, ...(signal && { signal }) };
    const request = httpRequest(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const whole = Buffer.concat(parts);
        const json = () => JSON.parse(whole.toString()) as unknown;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: whole, json });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

export const postJson = (
  url: string,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  ask(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(value),
  });

/** A studio until the end of the test, or of the file where it is opened before all tests; with the small model of the fixtures. */
export async function openStudio(options: Partial<StudioOptions> = {}): Promise<Studio & { readonly url: string }> {
  const place = { host: "127.0.0.1", port: 0, portAsked: false };
  const rest = { version, runs: "/nowhere/runs", pioneer, cache: "/nowhere/cache", addDirections };
  const studio = await startStudio({ models: [fixture("model-tiny")], ...place, ...rest, ...options });
  return { ...studio, url: new URL(studio.address).origin };
}

/** A copy of model-tiny in a folder of its own, both until the end of the test. */
export function copiedModel(): string {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(fixture("model-tiny"), join(folder, "model"), { recursive: true });
  return join(folder, "model");
}

/** Until the end of the test. */
export async function openForTest(options: Partial<StudioOptions> = {}): Promise<Studio & { readonly url: string }> {
  const studio = await openStudio(options);
  onTestFinished(() => studio.close());
  return studio;
}
