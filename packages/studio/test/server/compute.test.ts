// Computing over HTTP gives what the model gives in this process, to the last bit.
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Pioneer, type PioneerModel } from "pioneer-runtime";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childrenOf, commandOf, statOf } from "../../../torch/test/support/proc.ts";
import type { ImagesAnswer, LatentsAnswer } from "../../src/shared/computing.ts";
import { ask, copiedModel, fixture, openForTest, openStudio, postJson } from "../support/studio.ts";

const photo = readFileSync(fixture("imagefolder/faces/color/a.jpg"));
let studio: Awaited<ReturnType<typeof openStudio>>;
let model: PioneerModel;
beforeAll(async () => {
  studio = await openStudio();
  model = await Pioneer.load(fixture("model-tiny"));
});
afterAll(async () => {
  await model.dispose();
  await studio.close();
});

const at = (what: string, id = "model-tiny") => `${studio.url}/api/models/${id}/${what}`;
const encode = (body: Uint8Array, type = "image/jpeg", query = "") =>
  ask(at(`encode${query}`), { method: "POST", headers: { "Content-Type": type }, body });
const rows = (latents: Float32Array) =>
  Array.from({ length: latents.length / 16 }, (_, i) => Array.from(latents.slice(16 * i, 16 * i + 16)));

test("a photo is encoded as the runtime does it, as a file and as numbers", async () => {
  const expected = { latents: rows(await model.encode(photo)) };
  expect((await encode(photo)).json()).toEqual(expected);
  const { data: planes } = await model.prepare(photo, { as: "array" });
  expect((await encode(new Uint8Array(planes.buffer), "application/octet-stream")).json()).toEqual(expected);
});

test("images come as Accept says: PNG in JSON, one PNG, or RGBA of all", async () => {
  const { latents } = await model.sample(2, 7);
  const [first, second] = rows(latents);
  const pngs = (await model.decode(latents, { as: "png" })).map((png) => Buffer.from(png));
  const decode = (value: unknown, accept?: string) =>
    postJson(at("decode"), value, { ...(accept && { Accept: accept }) });
  const json = (await decode({ latents: [first, second] })).json() as ImagesAnswer;
  expect(json.latents).toEqual([first, second]);
  expect(json.images).toEqual(pngs.map((png) => png.toString("base64")));
  const png = await decode({ latents: [second] }, "image/avif;q=1, image/png");
  expect([png.headers["content-type"], png.body.equals(pngs[1] as Buffer)]).toEqual(["image/png", true]);
  const raw = await decode({ latents: [first, second] }, "application/octet-stream");
  const pixels = await Promise.all(pngs.map((file) => sharp(file).ensureAlpha().raw().toBuffer()));
  expect(raw.headers["x-resolution"]).toBe(String(model.resolution));
  expect(raw.body.equals(Buffer.concat(pixels))).toBe(true);
  expect((await decode({ latents: [first, second] }, "image/png")).status).toBe(406);
});

test("samples are those of the seed", async () => {
  const answer = (await postJson(at("sample"), { count: 3, seed: 11 })).json() as ImagesAnswer;
  const { latents, images } = await model.sample(3, 11, { as: "png" });
  expect(answer.latents).toEqual(rows(latents));
  expect(answer.images).toEqual(images.map((png) => Buffer.from(png).toString("base64")));
});

test("photos that cannot be used are refused in one line, before they are decoded", async () => {
  const blank = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: "#000" }, limitInputPixels: false })
      .png()
      .toBuffer();
  const frames = sharp(Buffer.from(Array.from({ length: 3 * 1001 }, (_, i) => (i * 7919) % 256)), {
    raw: { width: 1, height: 1001, channels: 3, pageHeight: 1 },
  });
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ["broken", photo.subarray(0, 300), /cannot be decoded|cannot be read/],
    ["no image", Buffer.from("%PDF-1.4 nothing"), /cannot be read \(.*\): send the bytes of a JPEG, PNG or WebP file$/],
    ["huge", await blank(8001, 8001), /is 8001x8001, 64 megapixels: at most 64 are taken; make it smaller first$/],
    ["of many frames", await frames.gif({ delay: Array(1001).fill(20) }).toBuffer(), /has 1001 frames: at most 1000/],
    ["of a phone", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), /is HEIC, .*: save it as JPEG first$/],
    ["empty", Buffer.alloc(0), /the body is empty: send the bytes of an image file/],
  ];
  for (const [name, body, message] of cases) {
    const answer = await encode(body, "image/png");
    expect([name, answer.status, answer.json()]).toEqual([
      name,
      400,
      { error: { code: "IMAGE", message: expect.stringMatching(message) } },
    ]);
  }
});

test("an animation, a grey photo and one in CMYK are taken", async () => {
  const { latent } = model;
  const grey = await sharp(photo).toColourspace("b-w").jpeg().toBuffer();
  const cmyk = await sharp(photo).toColourspace("cmyk").jpeg().toBuffer();
  const two = sharp([photo, grey], { join: { animated: true } });
  for (const file of [grey, cmyk, await two.webp().toBuffer()]) {
    const { latents } = (await encode(file)).json() as LatentsAnswer;
    expect(latents.map((row) => row.length)).toEqual([latent]);
  }
});

test("a face is given in the address, and a model that was not aligned says that it takes none", async () => {
  const answer = await encode(photo, "image/jpeg", "?face=1,2,3,2,2,4");
  expect([answer.status, answer.json()]).toMatchObject([
    400,
    { error: { code: "OPTION", message: /were not aligned/ } },
  ]);
  expect((await encode(photo, "image/jpeg", "?face=1,2,3")).status).toBe(400);
});

test("latents of another model, beyond the sphere or too many are refused with the number", async () => {
  const refused = async (latents: unknown) => {
    const { status, json } = await postJson(at("decode"), { latents });
    return [status, (json() as { error: { message: string } }).error.message];
  };
  const unit = [1, ...Array<number>(15).fill(0)];
  expect(await refused([unit, [1, 0]])).toEqual([400, "latents[1] has 2 numbers, this model's latents have 16"]);
  expect(await refused([[2, ...unit.slice(1)]])).toEqual([400, expect.stringMatching(/length/)]);
  expect(await refused(Array(65).fill(unit))).toEqual([400, expect.stringMatching(/64/)]);
  expect(await refused("x")).toEqual([400, expect.stringMatching(/latents/)]);
});

test("a model folder that is cut short, newer or without an encoder is told of in one line, and others go on", async () => {
  const [cut, newer, samplesOnly] = [copiedModel(), copiedModel(), copiedModel()];
  truncateSync(join(cut, "generator.onnx"), 1000);
  const change = (folder: string, edit: (config: { format: number; files: Record<string, unknown> }) => void) => {
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    edit(config);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  };
  change(newer, (config) => {
    config.format = 99;
  });
  change(samplesOnly, (config) => {
    delete config.files["encoder.onnx"];
  });
  const { url } = await openForTest({ models: [cut, newer, samplesOnly, "/nowhere/at-all"] });
  const list = (await ask(`${url}/api/models`)).json();
  expect(list).toMatchObject(
    [
      { id: "model", usable: false, problem: /generator\.onnx has 1000 bytes, config\.json says 78146/ },
      { id: "model-2", usable: false, problem: /has format 99, this version of pioneer-runtime reads up to 1/ },
      { id: "model-3", usable: true, hasEncoder: false },
      { id: "at-all", usable: false, problem: /is no model folder/ },
    ].map(({ problem, ...rest }) => ({ ...rest, ...(problem && { problem: expect.stringMatching(problem) }) })),
  );
  const post = (id: string, what: string) =>
    what === "encode"
      ? ask(`${url}/api/models/${id}/encode`, {
          method: "POST",
          headers: { "Content-Type": "image/jpeg" },
          body: photo,
        })
      : postJson(`${url}/api/models/${id}/${what}`, {});
  const outcome = async (id: string, what: string) => {
    const { status, json } = await post(id, what);
    return [status, (json() as { error?: { code: string } }).error?.code];
  };
  expect(await outcome("model", "sample")).toEqual([409, "DAMAGED"]);
  expect(await outcome("model-2", "sample")).toEqual([409, "DAMAGED"]);
  expect(await outcome("model-3", "encode")).toEqual([409, "PART"]);
  expect(await outcome("model-3", "sample")).toEqual([200, undefined]);
  expect(await outcome("no-such", "sample")).toEqual([404, "MISSING"]);
});

test("a model that is exported anew, or goes, while it is open is used as it is then", async () => {
  const folder = copiedModel();
  const { url } = await openForTest({ models: [folder] });
  expect((await postJson(`${url}/api/models/model/sample`, {})).status).toBe(200);
  truncateSync(join(folder, "generator.onnx"), 10);
  expect((await postJson(`${url}/api/models/model/sample`, {})).status).toBe(409);
  cpSync(fixture("model-tiny"), folder, { recursive: true });
  expect((await postJson(`${url}/api/models/model/sample`, {})).status).toBe(200);
  rmSync(folder, { recursive: true });
  const gone = await postJson(`${url}/api/models/model/sample`, {});
  expect([gone.status, gone.json()]).toMatchObject([
    409,
    { error: { message: expect.stringMatching(/is no model folder/) } },
  ]);
});

test("200 requests at once: each is answered rightly or told to come again, and afterwards all is as before", async () => {
  const { url } = await openForTest({ computers: 2, queue: 20 });
  const { images } = await model.sample(1, 5, { as: "png" });
  const expected = Buffer.from(images[0] as Uint8Array);
  const one = () => postJson(`${url}/api/models/model-tiny/sample`, { seed: 5 }, { Accept: "image/png" });
  const answers = await Promise.all(Array.from({ length: 200 }, one));
  const [done, refused] = [200, 503].map((code) => answers.filter(({ status }) => status === code));
  expect((done?.length ?? 0) + (refused?.length ?? 0)).toBe(200);
  // The first 22 are let in before any is done.
  expect(done?.length).toBeGreaterThanOrEqual(22);
  for (const { body } of done ?? []) expect(body.equals(expected)).toBe(true);
  for (const { headers, json } of refused ?? []) {
    expect([headers["retry-after"], json()]).toMatchObject(["1", { error: { code: "BUSY" } }]);
  }
  // Nothing stays taken: as many as are let in at once are let in again.
  const again = await Promise.all(Array.from({ length: 22 }, one));
  expect(again.map(({ status }) => status)).toEqual(Array(22).fill(200));
});

test("after 200 photos at once no memory is kept that they took", async () => {
  const { url } = await openForTest({ computers: 2, queue: 20 });
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  // Decoders stop at the end of the picture.
  const padded = Buffer.concat([photo, Buffer.alloc(2 ** 18)]);
  const headers = { "Content-Type": "image/jpeg" };
  const one = () => ask(`${url}/api/models/model-tiny/encode`, { method: "POST", headers, body: padded });
  await Promise.all(Array.from({ length: 22 }, one));
  const before = used();
  const answers = await Promise.all(Array.from({ length: 200 }, one));
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(22);
  // A tenth of the 50 MiB that came, for what sockets and the collector keep; sockets that close let go of theirs a little later.
  await expect.poll(() => used() - before, { timeout: 30_000 }).toBeLessThan(5 * 2 ** 20);
});

test.skipIf(process.platform !== "linux")(
  "a process that computes is killed: what it computed is refused in one line, and the next request is answered",
  async () => {
    const { url } = await openForTest({ computers: 1, queue: 0 });
    const sample = () => postJson(`${url}/api/models/model-tiny/sample`, {});
    expect((await sample()).status).toBe(200);
    const signalAll = (signal: NodeJS.Signals) => {
      for (const pid of computing()) process.kill(pid, signal);
    };
    /** Kills it as soon as one is let in and the event loop has turned so often. @returns the answer to that one */
    const killedAfter = async (turns: number) => {
      // Stopped, it holds the one that is let in; that the other is refused says that it is.
      signalAll("SIGSTOP");
      await expect.poll(() => computing().every((pid) => statOf(pid)?.state === "T")).toBe(true);
      const both = [sample(), sample()];
      expect((await Promise.race(both)).status).toBe(503);
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      signalAll("SIGKILL");
      const [lost, ...more] = (await Promise.all(both)).filter(({ status }) => status !== 503);
      expect(more).toEqual([]);
      return lost;
    };
    // What it has not been sent yet another process computes: then it was killed too early.
    let lost = await killedAfter(1);
    for (let turns = 8; lost?.status === 200 && turns <= 8 ** 6; turns *= 8) lost = await killedAfter(turns);
    expect([lost?.status, lost?.json()]).toEqual([
      500,
      { error: { code: "COMPUTER", message: expect.stringMatching(/^the process that computes ended.*try again$/) } },
    ]);
    expect((await sample()).status).toBe(200);
  },
);

/** Processes of this one that compute. */
const computing = () => childrenOf(process.pid).filter((pid) => commandOf(pid).includes("compute/process"));

test("requests that are given up while they wait are not computed, and leave their place", async () => {
  const { url } = await openForTest({ computers: 1, queue: 3 });
  const sample = (signal?: AbortSignal) =>
    ask(`${url}/api/models/model-tiny/sample`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ count: 64 }),
      ...(signal && { signal }),
    });
  await sample();
  for (let round = 0; round < 3; round++) {
    const controller = new AbortController();
    const all = Array.from({ length: 4 }, () => sample(controller.signal).catch((error: Error) => error.name));
    await sample().catch(() => undefined);
    controller.abort();
    await Promise.all(all);
  }
  // The server learns a moment later that they are gone.
  let last = 503;
  while (last === 503) last = (await sample()).status;
  expect(last).toBe(200);
});

test("closing ends what is computed at once", async () => {
  const own = await openStudio({ computers: 1 });
  const running = Array.from({ length: 5 }, () =>
    postJson(`${own.url}/api/models/model-tiny/sample`, { count: 64 }).then(
      ({ status }) => status,
      () => "cut off",
    ),
  );
  await (await ask(`${own.url}/api/models`)).json();
  await own.close();
  for (const outcome of await Promise.all(running)) expect([200, 503, 500, "cut off"]).toContain(outcome);
  await expect(ask(`${own.url}/api/models`)).rejects.toThrow(/ECONNREFUSED|socket hang up/);
});
