// What a builder hands in and gets back, beside what model.test.ts says of the networks.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { temporaryFolder } from "../../torch/test/support/folder.ts";
import { type ImageInput, type Latents, Pioneer, type PioneerModel, sampleLatents } from "../src/index.ts";
import { changedModel, fixture, worst } from "./support/fixtures.ts";
import { serve } from "./support/server.ts";

const path = fixture("imagefolder/faces/color/a.jpg");
const file = readFileSync(path);

let model: PioneerModel;
beforeAll(async () => {
  model = await Pioneer.load(fixture("model-tiny"));
});
afterAll(() => model.dispose());

/** Of what another realm made, as jest's and an iframe's are: `instanceof` is false for it. */
const elsewhere = <T>(code: string, values: object = {}): T => runInNewContext(code, values) as T;

describe("images in", () => {
  test("a path, file: and http addresses, data:, sharp's answers and shared bytes are the photo that its bytes are", async () => {
    const server = await serve({ photos: fixture("imagefolder/faces/color") });
    onTestFinished(() => server.close());
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    const inputs: ImageInput[] = [
      file,
      path,
      pathToFileURL(path),
      String(pathToFileURL(path)),
      `${server.address}/photos/a.jpg?signed=yes`,
      new URL(`${server.address}/photos/a.jpg`),
      `data:image/jpeg;base64,${file.toString("base64")}`,
      shared,
      shared.buffer,
      new DataView(file.buffer, file.byteOffset, file.length),
      elsewhere<Uint8Array>("new Uint8Array(bytes)", { bytes: [...file] }),
      elsewhere<ArrayBuffer>("new Uint8Array(bytes).buffer", { bytes: [...file] }),
      await sharp(file).toBuffer({ resolveWithObject: true }),
    ];
    // sharp writes a JPEG anew there, a level or so apart; all others are the same bytes.
    const { data, shape } = await model.prepare(inputs, { as: "array" });
    const size = 3 * 16 * 16;
    expect(shape).toEqual([inputs.length, 3, 16, 16]);
    for (let i = 1; i < inputs.length; i++) {
      const allowed = i === inputs.length - 1 ? 0.15 : 0;
      expect(worst(data.subarray(i * size, (i + 1) * size), data.subarray(0, size)), `input ${i}`).toBeLessThanOrEqual(
        allowed,
      );
    }
  });

  test("pixels of one to four channels, as sharp and canvases have them", async () => {
    const raw = (channels: number) => {
      const image = channels < 3 ? sharp(file).greyscale() : sharp(file);
      return (channels === 4 ? image.ensureAlpha() : image).raw().toBuffer({ resolveWithObject: true });
    };
    const [rgb, rgba, one] = await Promise.all([raw(3), raw(4), raw(1)]);
    expect([rgb, rgba, one].map(({ info }) => info.channels)).toEqual([3, 4, 1]);
    const { width, height } = rgba.info;
    const two = { data: Uint8Array.from([...one.data].flatMap((grey) => [grey, 255])), width, height };
    const pictures = await model.prepare([
      rgb,
      rgba,
      { data: rgb.data, width, height },
      elsewhere<{ data: Uint8ClampedArray; width: number; height: number }>(
        "({ data: new Uint8ClampedArray(bytes), width, height })",
        { bytes: [...rgba.data], width, height },
      ),
      one,
      two,
    ]);
    for (const i of [1, 2, 3]) expect(pictures[i]).toEqual(pictures[0]);
    expect(pictures[5]).toEqual(pictures[4]);
    const [r, g, b] = pictures[4]?.data ?? [];
    expect([g, b]).toEqual([r, r]);
    await expect(model.prepare({ data: rgb.data.subarray(1), width, height })).rejects.toThrow(
      `an image of ${width}x${height} has ${width * height} pixels of 1 to 4 values, not ${rgb.data.length - 1} values`,
    );
  });

  test("what could be taken for other pixels than it has is refused", async () => {
    const side = 16;
    const deep = { depth: "ushort" } as const;
    const grey = await sharp(file)
      .resize(side, side)
      .toColourspace("grey16")
      .raw(deep)
      .toBuffer({ resolveWithObject: true });
    const refused: [unknown, string][] = [
      // Two bytes a pixel, as grey and alpha have.
      [grey, 'sharp gave values of ushort: ask it for bytes, raw({ depth: "uchar" })'],
      [{ data: new Uint8Array(3 * 20.5 * 20), width: 20.5, height: 20 }, "an image of 20.5x20 has 410 pixels"],
      // As many numbers as planes have, and not said in which order.
      [{ data: new Float32Array(3 * side ** 2), width: side, height: side }, "numbers of the shape [] are no images"],
      [{ data: new Float32Array(3 * side ** 2), shape: [1, side, side, 3] }, "numbers of the shape [1, 16, 16, 3] are"],
      [{ data: new Uint16Array(4 * side ** 2), width: side, height: side }, "an image's data are Uint16Array: give a"],
    ];
    for (const [image, message] of refused) {
      expect(await failed(model.prepare(image as ImageInput))).toContain(`IMAGE ${message}`);
    }
  });

  test("numbers come back in as they came out", async () => {
    const { images } = await model.sample(2, 4, { as: "array" });
    const latents = await model.encode(images.data);
    expect(await model.encode(images)).toEqual(latents);
    const foreign = elsewhere<Float32Array>("new Float32Array(values)", { values: [...images.data] });
    expect(await model.encode(foreign)).toEqual(latents);
  });

  test("an address that answers with an error is named, without what may be a signature", async () => {
    const server = await serve({});
    onTestFinished(() => server.close());
    const address = `${server.address}/no.jpg`;
    await expect(model.encode(`${address}?signature=secret`)).rejects.toThrow(`${address}: the server answered 404`);
    const secret = address.replace("//", "//name:secret@");
    expect(await failed(model.encode(secret))).toBe(
      `OPTION ${address}: an address may not have a name and a password in it: leave them out, and send them by the option headers (authorization)`,
    );
    expect(await failed(model.encode(new Response() as never))).toBe(
      "IMAGE Response is no image: give await response.blob()",
    );
    expect(await failed(model.encode("ftp://server/a.jpg"))).toContain("ftp://server/a.jpg is no path of this machine");
    expect(await failed(model.encode(file.toString("base64")))).toMatch(
      /^IMAGE .{200}\.\.\.: .*of base64 data:image\/jpeg;base64,\.\.\.$/,
    );
  });
});

describe("images out", () => {
  test("files are of their formats, and quality counts", async () => {
    const z = sampleLatents(1, 16, 3);
    const [picture] = await model.decode(z);
    for (const as of ["png", "jpeg", "webp"] as const) {
      const [bytes] = await model.decode(z, { as });
      const [blob] = await model.decode(z, { as: "blob", type: `image/${as}` });
      expect(blob?.type).toBe(`image/${as}`);
      expect(new Uint8Array((await blob?.arrayBuffer()) ?? [])).toEqual(bytes);
      const { format, width, height } = await sharp(bytes).metadata();
      expect({ format, width, height }).toEqual({ format: as, width: 16, height: 16 });
    }
    const [png] = await model.decode(z, { as: "png" });
    expect([...(await sharp(png).ensureAlpha().raw().toBuffer())]).toEqual([...(picture?.data ?? [])]);
    const [low] = await model.decode(z, { as: "jpeg", quality: 0.1 });
    const [high] = await model.decode(z, { as: "jpeg", quality: 1 });
    expect(low?.length).toBeLessThan(high?.length ?? 0);
    expect((await model.decode(z, { as: "blob" }))[0]?.type).toBe("image/png");
  });

  test("options that there are not are refused, and values that cannot be", async () => {
    const z = sampleLatents(1, 16, 3);
    const refused = async (call: Promise<unknown>) => expect((await failed(call)).replace(/^OPTION /, ""));
    (await refused(model.decode(z, { form: "png" } as never))).toBe(
      'decode: there is no option "form", only as, type, quality, signal',
    );
    (await refused(model.decode(z, "png" as never))).toContain("its options are an object with as, type, quality");
    (await refused(model.decode(z, 1 as never))).toContain("got 1");
    (await refused(model.decode(z, { as: "png", type: "image/png" }))).toContain('type is of as: "blob"');
    (await refused(model.decode(z, { as: "blob", type: "image/gif" as "image/png" }))).toContain('got "image/gif"');
    (await refused(model.decode(z, { as: "jpeg", quality: 90 }))).toContain("from 0 to 1, got 90");
    (await refused(model.sample(1, 7, { as: "jpg" as "jpeg" }))).toContain('sample: as: there is no "jpg", only image');
    (await refused(model.decode(z, { as: "bitmap" }))).toContain("is for pages");
    (await refused(model.decode(z, { signal: {} as AbortSignal }))).toBe(
      "decode: signal: expected that of an AbortController, got Object",
    );
    (await refused(model.refine(file, { onStep: 3 as never }))).toContain("onStep: expected a function");
    (await refused(model.sample(2 ** 40, 1))).toContain(`${2 ** 40} latents are too many for the memory`);
    for (const [option, value, message] of [
      ["parts", "generator", 'parts: expected a list, such as ["generator"], got "generator"'],
      ["onProgress", true, "onProgress: expected a function, got Boolean"],
      ["wasmPaths", new URL("http://a/"), "wasmPaths: expected the address of a folder as text, got URL"],
      ["signal", "now", "Pioneer.load: signal: expected that of an AbortController, got String"],
    ] as const) {
      (await refused(Pioneer.load(fixture("model-tiny"), { [option]: value } as never))).toBe(message);
    }
    (await refused(model.encode(file, { as: "png" } as never))).toContain(
      'encode: there is no option "as", only signal',
    );
    (await refused(model.refine(file, { step: 3 } as never))).toContain('refine: there is no option "step"');
    (await refused(Pioneer.load(fixture("model-tiny"), { backends: "cpu" } as never))).toContain(
      'Pioneer.load: there is no option "backends", only parts, ',
    );
  });
});

describe("latents", () => {
  test("from JSON, in rows, and of another realm are what they were", async () => {
    const z = sampleLatents(2, 16, 3);
    const wanted = await model.decode(z);
    const json = JSON.parse(JSON.stringify([...z])) as number[];
    const forms: Latents[] = [
      json,
      [json.slice(0, 16), json.slice(16)],
      [z.subarray(0, 16), json.slice(16)],
      elsewhere<Float32Array>("new Float32Array(values)", { values: json }),
      elsewhere<number[]>("[...values]", { values: json }),
    ];
    for (const latents of forms) expect(await model.decode(latents)).toEqual(wanted);
    expect(model.slerp(json.slice(0, 16), json.slice(16), 0.5)).toEqual(
      model.slerp(z.subarray(0, 16), z.subarray(16), 0.5),
    );
    expect(await failed(model.decode(JSON.parse(JSON.stringify(z))))).toBe(
      "LATENT latents are a Float32Array, or numbers, in rows of 16, got Object; into JSON write [...latents]",
    );
    expect(await failed(model.decode(["0.1"] as never))).toContain("got Array");
    expect(await failed(model.decode(Array(16)))).toContain("got Array");
    expect(await failed(model.decode([json.slice(0, 8), json.slice(8)]))).toBe(
      "LATENT row 1 of the latents has 8 numbers, not 16",
    );
  });

  test("of directions the score, the unit, how far to go and what they were seen to do are told", async () => {
    const heldOut = { kind: "accuracy", value: 0.475, count: 40 };
    const shown = { images: 100, own: 0.98, other: { name: "age", effect: -0.2 } };
    const learned = { vector: [1, ...Array(15).fill(0)], unit: 0.5, method: "mean", orthogonal: true };
    const text = JSON.stringify({
      format: 1,
      latent: 16,
      directions: { smile: { ...learned, heldOut, shown }, first: { ...learned, method: "pca" } },
    });
    const edited = await Pioneer.load(changedModel({ files: { "directions.json": text } }), { parts: ["directions"] });
    expect(edited.directions).toEqual([
      { name: "smile", unit: 0.5, reach: 1.2, method: "mean", score: heldOut, shown },
      { name: "first", unit: 0.5, reach: 1.2, method: "pca", score: null, shown: null },
    ]);
  });
});

describe("models at an address", () => {
  test("its query, and the headers, go with each file; a fetch of one's own may send it elsewhere", async () => {
    const server = await serve({ model: fixture("model-tiny") });
    onTestFinished(() => server.close());
    const seen: (string | null)[] = [];
    const ask = (address: string, init: RequestInit) => {
      seen.push(address, new Headers(init.headers).get("authorization"));
      return fetch(address.replace("https://models.example", server.address), init);
    };
    const options = { parts: ["directions"], headers: { authorization: "Bearer abc" }, fetch: ask } as const;
    await Pioneer.load("https://models.example/model/?key=k#part", options);
    expect(seen).toEqual([
      "https://models.example/model/config.json?key=k",
      "Bearer abc",
      "https://models.example/model/directions.json?key=k",
      "Bearer abc",
    ]);
    const message = await failed(Pioneer.load(`${server.address}/none?key=k`));
    expect(message).toBe(
      `MISSING ${server.address}/none is no model folder: it has no config.json; pioneer export writes one`,
    );
    const refusing = async () => new Response("", { status: 403 });
    expect(await failed(Pioneer.load(`${server.address}/model?key=k`, { fetch: refusing }))).toBe(
      `MISSING ${server.address}/model/config.json: the server answered 403: give what it asks for by the option headers or fetch`,
    );
    const unsendable = await failed(
      Pioneer.load(`${server.address}/model`, { headers: { authorization: "a\nsecret" } }),
    );
    expect(unsendable).toMatch(/^OPTION headers: /);
    expect(unsendable).not.toContain("secret");
    expect(await failed(Pioneer.load(`${server.address}/model`, { fetch: async () => ({}) as Response }))).toBe(
      "OPTION fetch: expected a function that gives a Response, got Object of it",
    );
    expect(await failed(Pioneer.load(`${server.address}/model/config.json`))).toContain(
      "give the folder that this file",
    );
    const half = async (address: string) =>
      new Response(broken(new Uint8Array(await (await fetch(address)).arrayBuffer()).slice(0, 9)));
    expect(await failed(Pioneer.load(`${server.address}/model`, { fetch: half }))).toBe(
      `MISSING ${server.address}/model/config.json came only in part (the line broke): load it again`,
    );
    expect(await failed(Pioneer.load(fixture("model-tiny"), { headers: {} }))).toContain(
      "headers and fetch are for addresses",
    );
  });
});

test("where there is no fetch, as in jsdom, the mend of jest is named", async () => {
  vi.stubGlobal("fetch", undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  expect(await failed(Pioneer.load("http://localhost/model"))).toBe(
    // In one piece vitest would take it for its own.
    `INSTALL this page has no fetch, as jsdom has none: in jest, begin the test file with /** @${"jest"}-environment FILE */, with the environment of the README, "Where it runs"`,
  );
});

test("await using disposes of the model", async () => {
  let kept: PioneerModel;
  {
    await using own = await Pioneer.load(fixture("model-tiny"));
    kept = own;
  }
  expect(await failed(kept.sample(1))).toContain("DISPOSED");
});

test("a model of photos on disk takes no folder for one", async () => {
  const folder = temporaryFolder();
  expect(await failed(model.encode(folder))).toBe(`IMAGE ${folder}: it cannot be read (EISDIR)`);
});

/** A body of which only its beginning comes. */
const broken = (begin: Uint8Array) =>
  new ReadableStream({
    start: (stream) => stream.enqueue(begin),
    pull: (stream) => stream.error(new Error("the line broke")),
  });

/** The code and message of the error. */
async function failed(call: Promise<unknown>): Promise<string> {
  const error = (await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as { code: string; message: string } | undefined;
  return `${error?.code} ${error?.message}`;
}
