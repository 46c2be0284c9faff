// Networks in a process of their own: what they say of themselves, what they compute, and how it ends when something is wrong.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scope } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { OnnxError, OnnxSession } from "../../src/onnx/session.ts";
import { expectClose, pictures, reference } from "../metrics/support.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();
const features = fixture("metrics/features.onnx");
const images = (count: number) => ({
  name: "images",
  data: scope(() => pictures(count, 16).to("float32").div(127.5).sub(1).toFloat32Array()),
  shape: [count, 3, 16, 16],
});

async function withSession(path: string, use: (session: OnnxSession) => Promise<void>): Promise<void> {
  const session = await OnnxSession.open(path, { threads: 1 });
  try {
    await use(session);
  } finally {
    session.close();
  }
}

test("a network's ports are those of its file", async () => {
  await withSession(features, async ({ inputs, outputs }) => {
    expect(inputs).toEqual([{ name: "images", type: "float32", shape: ["N", 3, 16, 16] }]);
    expect(outputs.map(({ name }) => name)).toEqual(["features"]);
  });
  await withSession(fixture("metrics/features-bytes.onnx"), async ({ inputs, outputs }) => {
    expect(inputs).toMatchObject([{ type: "uint8" }]);
    expect(outputs.map(({ name }) => name).sort()).toEqual(["features", "map"]);
  });
});

test("answers come to the questions they belong to, asked one behind the other", async () => {
  await withSession(features, async (session) => {
    const width = (reference.features[0] as number[]).length;
    const [three, one] = await Promise.all([
      session.run([images(3)], "features"),
      session.run([images(1)], "features"),
    ]);
    expect([three.shape, one.shape]).toEqual([
      [3, width],
      [1, width],
    ]);
    // Float32 sums of 27 and 64 terms in two orders.
    expectClose([...three.data], reference.features.flat(), 1e-5);
    expectClose([...one.data], reference.features[0] as number[], 1e-5);
  });
});

describe("what is wrong is said in one line", () => {
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OnnxError);
    expect((error as OnnxError).missing).toBe(false);
    expect((error as OnnxError).message).toMatch(/^[^\n]+$/);
    return (error as OnnxError).message;
  };

  test("a file that is cut short, one that is none, one that is not there", async () => {
    const cut = join(folder, "cut.onnx");
    writeFileSync(cut, readFileSync(features).subarray(0, 600));
    await refusal(OnnxSession.open(cut, { threads: 1 }));
    const none = join(folder, "none.onnx");
    writeFileSync(none, "no network");
    await refusal(OnnxSession.open(none, { threads: 1 }));
    await refusal(OnnxSession.open(join(folder, "missing.onnx"), { threads: 1 }));
  });

  test("a question that does not fit; the next one is answered", async () => {
    await withSession(features, async (session) => {
      await refusal(session.run([{ ...images(1), shape: [1, 3, 4, 64] }], "features"));
      await refusal(session.run([{ ...images(1), name: "pictures" }], "features"));
      await refusal(session.run([images(1)], "pool3"));
      expect((await session.run([images(2)], "features")).shape[0]).toBe(2);
    });
  });

  test("a session that was closed, before and while it computes", async () => {
    const session = await OnnxSession.open(features, { threads: 1 });
    const computing = refusal(session.run([images(3)], "features"));
    session.close();
    expect(await computing).toBe("it was closed");
    expect(await refusal(session.run([images(1)], "features"))).toBe("the process that computes it has ended");
    session.close();
  });
});
