import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { showEvaluated } from "../../src/train/evaluated.ts";
import { Recorder } from "../../src/train/recorder.ts";
import { crc32c, frameRecord, TensorboardWriter } from "../../src/train/tensorboard.ts";

const folder = temporaryFolder();

test("CRC-32C gives the values of RFC 3720, appendix B.4", () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

test("a record has TensorFlow's frame", () => {
  // An event of 24 bytes; its length and that number's masked checksum as computed by tensorboard 2.21.
  const event = Buffer.from("0900000000000000001a0d627261696e2e4576656e743a32", "hex");
  const record = frameRecord(event);
  expect(record.subarray(0, 12).toString("hex")).toBe("1800000000000000a37f4b22");
  expect(record.subarray(12, 36)).toEqual(event);
  expect(record.length).toBe(40);
});

/** Splits a file into records, checking both checksums of each. */
function readRecords(path: string): Buffer[] {
  const bytes = readFileSync(path);
  const records: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(offset));
    const data = bytes.subarray(offset + 12, offset + 12 + length);
    expect(frameRecord(data)).toEqual(bytes.subarray(offset, offset + length + 16));
    records.push(data);
    offset += length + 16;
  }
  return records;
}

test("a file starts with its version and the session, then holds scalars and images at their steps", () => {
  const writer = new TensorboardWriter(folder, 300);
  writer.scalars(300, { "loss/x_recon": 0.5, alpha: 1 });
  writer.image(70_000, "samples", { png: Uint8Array.of(1, 2, 3), width: 8, height: 4 });
  writer.close();
  const hex = readRecords(writer.path).map((record) => {
    expect(record[0]).toBe(0x09); // field 1, a double: the time
    expect(Math.abs(record.readDoubleLE(1) - Date.now() / 1000)).toBeLessThan(60);
    return record.subarray(9).toString("hex");
  });
  const text = (value: string) => Buffer.from(value).toString("hex");
  expect(hex).toEqual([
    `1a0d${text("brain.Event:2")}`,
    "10ad023a020801",
    `10ac022a230a130a0c${text("loss/x_recon")}150000003f0a0c0a05${text("alpha")}150000803f`,
    `10f0a2042a180a160a07${text("samples")}220b0804100818032203010203`,
  ]);
});

test("options are text, and what was evaluated has a file below, without a session of its own", () => {
  const run = join(folder, "run");
  mkdirSync(run);
  const recorder = new Recorder(run, 0, () => undefined);
  recorder.options(0, { data: "a.pack", batch: { 4: 64 }, labels: undefined });
  recorder.close();
  const [file = ""] = readdirSync(join(run, "tb"));
  const table = '| option | |\n|---|---|\n| data | `a.pack` |\n| batch | `{"4":64}` |';
  const hexOf = (text: string) => Buffer.from(text).toString("hex");
  const [text = Buffer.alloc(0)] = readRecords(join(run, "tb", file)).slice(2);
  // Field 8 of the tensor has the table; the plugin's name says that it is Markdown.
  expect(text.toString("hex")).toContain(`42${Buffer.from([table.length]).toString("hex")}${hexOf(table)}`);
  expect(text.toString("hex")).toContain(hexOf("text"));
  expect(text.toString("hex")).not.toContain(hexOf("labels"));

  showEvaluated(run, { images: 300, metrics: { l1: 0.5 } });
  const [evaluated = ""] = readdirSync(join(run, "tb", "evaluate"));
  const records = readRecords(join(run, "tb", "evaluate", evaluated)).map((record) =>
    record.subarray(9).toString("hex"),
  );
  expect(records.slice(1)).toEqual([`10ac022a130a110a0a${hexOf("metrics/l1")}150000003f`]);
});

test("a run that goes on gets a file of its own, later in the order of names, and the first stays", () => {
  const first = new TensorboardWriter(join(folder, "tb"), 0);
  first.close();
  const size = readFileSync(first.path).length;
  // Within the same millisecond as like as not: names are told apart.
  const second = new TensorboardWriter(join(folder, "tb"), 500);
  second.scalars(600, { alpha: 0.25 });
  second.close();
  expect(existsSync(first.path)).toBe(true);
  expect(readFileSync(first.path).length).toBe(size);
  expect(readdirSync(join(folder, "tb")).sort().at(-1)).toBe(second.path.split("/").at(-1));
});
