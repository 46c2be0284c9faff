// Networks in a process of their own: what they say of themselves, what they compute, and how it ends when something is wrong.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scope } from "pioneer-torch";
import { describe, expect, onTestFinished, test } from "vitest";
import { endlessGenerator } from "../../../runtime/test/support/hostile-graph.ts";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { OnnxError, OnnxSession } from "../../src/onnx/session.ts";
import { expectClose, pictures, reference } from "../metrics/support.ts";
import { isAlive } from "../support/cli.ts";
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

describe("a network that computes for ever", () => {
  const endless = join(folder, "endless.onnx");
  const ticksOf = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[11]);
  const childOf = (pid: number) => Number(spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).stdout);
  const patient = { timeout: 100_000, interval: 50 };

  // Node has taken a second at most when it begins to compute; the clock of processes counts hundredths.
  const computing = async (parent: number): Promise<number> => {
    await expect.poll(() => childOf(parent), patient).toBeGreaterThan(0);
    const pid = childOf(parent);
    await expect.poll(() => ticksOf(pid), patient).toBeGreaterThan(150);
    return pid;
  };
  const script = `
    const { OnnxSession } = await import(${JSON.stringify(new URL("../../dist/onnx/session.js", import.meta.url))});
    const session = await OnnxSession.open(${JSON.stringify(endless)}, { threads: 1 });
    process.on("SIGUSR2", () => session.close());
    await session.run([{ name: "latents", data: new Float32Array(4), shape: [1, 4] }], "images").catch(() => undefined);
  `;
  const begin = () => {
    writeFileSync(endless, endlessGenerator(4));
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    onTestFinished(() => void parent.kill("SIGKILL"));
    return parent;
  };

  test.runIf(process.platform === "linux").each(["SIGKILL", "SIGINT", "SIGUSR2"] as const)(
    "ends with what asked for it: %s",
    async (signal) => {
      const parent = begin();
      const pid = await computing(parent.pid as number);
      parent.kill(signal);
      await expect.poll(() => isAlive(pid), patient).toBe(false);
    },
    200_000,
  );
});
