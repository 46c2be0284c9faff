import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startStudio } from "../../src/server/index.ts";
import { addDirections, ask, fixture, openForTest, openStudio, postJson } from "../support/studio.ts";

let studio: Awaited<ReturnType<typeof openStudio>>;
beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.close());

const sample = (headers: Record<string, string>) =>
  postJson(`${studio.url}/api/models/model-tiny/sample`, { count: 1 }, headers);

test.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.1:x", "10.0.0.1"])(
  "a request by the name %j is refused, for pages and for files",
  async (host) => {
    for (const path of ["/", "/api/models", "/models/model-tiny/config.json", "/nothing"]) {
      const answer = await ask(studio.url + path, { headers: { Host: host } });
      expect(answer.status, path).toBe(403);
      expect(answer.json()).toMatchObject({ error: { code: "HOST" } });
    }
  },
);

test.each(["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:9", "[::1]:80"])(
  "a request by the name %s, as ssh -L makes one, is answered",
  async (host) => {
    expect((await ask(`${studio.url}/api/models`, { headers: { Host: host } })).status).toBe(200);
  },
);

test.each(["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])(
  "a request that a page of %s makes is refused",
  async (origin) => {
    const answer = await sample({ Origin: origin });
    expect([answer.status, answer.json()]).toMatchObject([403, { error: { code: "ORIGIN" } }]);
    expect((await ask(`${studio.url}/api/models`, { headers: { Origin: origin } })).status).toBe(403);
  },
);

test("what a browser says comes from another site is refused, but for a link to the page", async () => {
  const from = (site: string, mode: string) => ({ "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode });
  const get = async (path: string, headers: Record<string, string>) =>
    (await ask(studio.url + path, { headers })).status;
  expect(await get("/api/models", from("cross-site", "no-cors"))).toBe(403);
  expect(await get("/api/models", from("same-site", "cors"))).toBe(403);
  expect(await get("/api/models", from("cross-site", "navigate"))).toBe(403);
  expect(await get("/", from("cross-site", "navigate"))).toBe(200);
  expect(await get("/api/models", from("same-origin", "cors"))).toBe(200);
});

test("our own page may ask, and a program; without X-Pioneer nobody may", async () => {
  expect((await sample({ Origin: studio.url })).status).toBe(200);
  expect((await sample({})).status).toBe(200);
  const answer = await sample({ "X-Pioneer": "" });
  expect([answer.status, answer.json()]).toMatchObject([403, { error: { code: "HEADER" } }]);
});

test("every answer carries the policy, which lets no text become script or style", async () => {
  for (const path of ["/", "/api/models", "/models/model-tiny/generator.onnx", "/nothing"]) {
    const { headers } = await ask(studio.url + path);
    const policy = String(headers["content-security-policy"]);
    expect(policy, path).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
  }
});

test("files whose names hold their digest are kept by browsers, all others are asked for anew", async () => {
  const page = (await ask(studio.url)).body.toString();
  const [, script = ""] = /src="\.\/(assets\/[^"]+)"/.exec(page) ?? [];
  const cached = async (path: string) => (await ask(`${studio.url}/${path}`)).headers["cache-control"];
  expect(await cached(script)).toBe("public, max-age=31536000, immutable");
  for (const path of ["", "models/model-tiny/config.json"]) expect(await cached(path)).toBe("no-cache");
  const { headers } = await ask(`${studio.url}/models/model-tiny/generator.onnx`);
  const again = await ask(`${studio.url}/models/model-tiny/generator.onnx`, {
    headers: { "If-None-Match": String(headers.etag) },
  });
  expect([again.status, again.body.length]).toEqual([304, 0]);
});

test("the built page has no script or style in its text, which the policy would not run", () => {
  const page = readFileSync(new URL("../../dist/page/index.html", import.meta.url), "utf8");
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/i);
});

test("files of a model are reached by their names alone: no way, and no link, leads out of its folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const model = join(folder, "model");
  cpSync(fixture("model-tiny"), model, { recursive: true });
  writeFileSync(join(folder, "secret"), "secret");
  // A file that config.json lists, and one that it always may have.
  rmSync(join(model, "README.md"));
  symlinkSync(join(folder, "secret"), join(model, "README.md"));
  rmSync(join(model, "directions.json"));
  symlinkSync("../secret", join(model, "directions.json"));
  mkdirSync(join(folder, "models"));
  symlinkSync(model, join(folder, "models", "elsewhere"));
  const { url } = await openForTest({ models: [model, join(folder, "models")] });
  const names = [
    "README.md",
    "directions.json",
    "../secret",
    "..%2fsecret",
    "%2e%2e%2fsecret",
    "..%5csecret",
    "%2fetc%2fpasswd",
  ];
  for (const name of [...names, "config.json%00", ".", "%2e%2e", "secret"]) {
    const answer = await ask(`${url}/models/model/${name}`);
    expect([answer.status, answer.body.toString()], name).not.toEqual([200, "secret"]);
    expect(answer.status, name).toBeGreaterThanOrEqual(400);
  }
  expect((await ask(`${url}/models/model/config.json`)).status).toBe(200);
  const list = (await ask(`${url}/api/models`)).json() as { id: string; usable: boolean; problem?: string }[];
  expect(list).toHaveLength(1);
  expect(list[0]).toMatchObject({ id: "model", usable: false });
  expect(list[0]?.problem).toMatch(/directions\.json is missing/);
});

test("files beside the page are not served", async () => {
  for (const path of [
    "/..%2f..%2fpackage.json",
    "/%2e%2e/server/index.js",
    "/../server/index.js",
    "/..%5cserver%5cindex.js",
  ]) {
    expect((await ask(studio.url + path)).status, path).toBeGreaterThanOrEqual(400);
  }
});

test("a body larger than the limit is refused before it is read", async () => {
  const url = `${studio.url}/api/models/model-tiny/encode`;
  const headers = { "Content-Type": "image/png", "Content-Length": String(2 ** 40) };
  const refused = await ask(url, { method: "POST", headers, body: "few" }).then(({ status, json }) => [status, json()]);
  expect(refused).toMatchObject([
    413,
    { error: { code: "TOO_LARGE", message: `the body has ${2 ** 40} bytes: at most 32 MiB are taken` } },
  ]);
});

test("on an address that others can reach, only the token's link opens the page, and then its cookie", async () => {
  const { address, url } = await openForTest({ host: "0.0.0.0" });
  const token = new URL(address).searchParams.get("token") ?? "";
  expect(token).toMatch(/^[\w-]{32}$/);
  const { port } = new URL(url);
  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(`http://127.0.0.1:${port}${path}`, { headers });
  for (const path of [
    "/",
    "/api/models",
    "/models/model-tiny/config.json",
    `/?token=${token}x`,
    "/?token=",
    "/nothing",
  ]) {
    const answer = await get(path);
    expect([answer.status, answer.json()], path).toMatchObject([401, { error: { code: "TOKEN" } }]);
  }
  const link = await get(`/?a=b&token=${token}`);
  expect([link.status, link.headers.location]).toEqual([303, "/?a=b"]);
  const cookie = String(link.headers["set-cookie"]);
  expect(cookie).toBe(`pioneer-studio-${port}=${token}; HttpOnly; SameSite=Strict; Path=/`);
  expect((await get("/", { Cookie: `a=b; ${cookie.split(";")[0]}` })).status).toBe(200);
  expect((await get("/api/models", { Authorization: `Bearer ${token}` })).status).toBe(200);
  expect((await get("/api/models", { Authorization: `Bearer ${token}`, Host: "evil.example" })).status).toBe(403);
  expect((await get(`//evil.example/?token=${token}`)).headers.location).toBe("/");
});

test("a port in use: another free one is offered where this was asked for, else taken", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const rest = { version: "0", models: [], runs: "/nowhere", pioneer: [], cache: "/nowhere", addDirections };
  const place = { host: "127.0.0.1", port, ...rest };
  await expect(startStudio({ ...place, portAsked: true })).rejects.toThrow(
    new RegExp(`^port ${port} is in use: --port \\d+ is free$`),
  );
  const taken = await openForTest({ ...place, portAsked: false });
  expect(Number(new URL(taken.url).port)).toBeGreaterThan(port);
  expect(taken.notes).toEqual([`port ${port} is in use, so it is ${new URL(taken.url).port}`]);
  await expect(startStudio({ ...place, host: "192.0.2.1", portAsked: false })).rejects.toThrow(
    /^--host 192\.0\.2\.1 is no address of this machine/,
  );
});
