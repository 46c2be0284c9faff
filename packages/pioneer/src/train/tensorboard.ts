import { closeSync, ftruncateSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs/light.js";
import { hasCode } from "../base/system-error.ts";
import { createNewFile, makeOurFolder } from "../base/write.ts";

// TensorBoard's event files: TFRecord frames (tensorflow/core/lib/io/record_writer.h) around messages of
// tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.

const one = (id: number, type: string) => ({ id, type });

const event = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: one(1, "double"),
        step: one(2, "int64"),
        fileVersion: one(3, "string"),
        summary: one(5, "Summary"),
        sessionLog: one(7, "SessionLog"),
      },
    },
    SessionLog: { fields: { status: one(1, "int32") } },
    Summary: { fields: { value: { ...one(1, "Value"), rule: "repeated" } } },
    Value: {
      fields: {
        tag: one(1, "string"),
        simpleValue: one(2, "float"),
        image: one(4, "Image"),
        tensor: one(8, "TensorProto"),
        metadata: one(9, "SummaryMetadata"),
      },
    },
    // tensorflow/core/framework/tensor.proto and tensor_shape.proto, of a list of texts.
    TensorProto: {
      fields: {
        dtype: one(1, "int32"),
        tensorShape: one(2, "TensorShapeProto"),
        stringVal: { ...one(8, "bytes"), rule: "repeated" },
      },
    },
    TensorShapeProto: { fields: { dim: { ...one(2, "Dim"), rule: "repeated" } } },
    Dim: { fields: { size: one(1, "int64") } },
    SummaryMetadata: { fields: { pluginData: one(1, "PluginData") } },
    PluginData: { fields: { pluginName: one(1, "string") } },
    Image: {
      fields: {
        height: one(1, "int32"),
        width: one(2, "int32"),
        colorspace: one(3, "int32"),
        encodedImageString: one(4, "bytes"),
      },
    },
  },
}).lookupType("Event");

/** An encoded picture for the Images tab. */
export interface TensorboardImage {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Appends scalars and images to an event file of its own in a folder. Steps count images shown. A run that goes on
 * opens a new file at the step it goes on from: TensorBoard then drops what a killed session wrote beyond it.
 */
export class TensorboardWriter {
  /** The event file. */
  readonly path: string;
  readonly #file: number;
  /** Bytes of whole records. */
  #length = 0;

  /**
   * @param folder made if it is missing
   * @param step   images shown so far, 0 for a new run; undefined for what is no session, and has nothing forgotten
   * @throws       the file system's error if the file cannot be made
   */
  constructor(folder: string, step?: number) {
    makeOurFolder(folder);
    [this.path, this.#file] = createEventFile(folder);
    this.#write({ fileVersion: "brain.Event:2" });
    if (step !== undefined) this.#write({ step: step + 1, sessionLog: { status: sessionStart } });
  }

  /** One value per tag, as the picture below in one piece or with the file system's error; a tag such as "loss/x_recon" is shown under the heading before its slash. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
    this.#write({ step, summary: { value } });
  }

  /** A picture under a tag; TensorBoard keeps a slider over its steps. */
  image(step: number, tag: string, { png, width, height }: TensorboardImage): void {
    const image = { height, width, colorspace: rgb, encodedImageString: png };
    this.#write({ step, summary: { value: [{ tag, image }] } });
  }

  /** Markdown under a tag of the Text tab. */
  text(step: number, tag: string, markdown: string): void {
    const tensor = { dtype: stringType, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from(markdown)] };
    const value = { tag, tensor, metadata: { pluginData: { pluginName: "text" } } };
    this.#write({ step, summary: { value: [value] } });
  }

  /** No more events follow. */
  close(): void {
    closeSync(this.#file);
  }

  #write(what: Readonly<Record<string, unknown>>): void {
    const record = frameRecord(event.encode({ wallTime: Date.now() / 1000, ...what }).finish());
    try {
      // One write per record: a process killed between two leaves whole records.
      for (let done = 0; done < record.length; ) done += writeSync(this.#file, record, done);
      this.#length += record.length;
    } catch (error) {
      // Readers stop at half a record: none is left for those that come.
      ftruncateSync(this.#file, this.#length);
      throw error;
    }
  }
}

/**
 * TensorBoard reads the files of a folder in the order of their names: seconds first, then who wrote it. Of two that begin
 * within a millisecond, the second says the next one.
 */
function createEventFile(folder: string): [path: string, descriptor: number] {
  for (let milliseconds = Date.now(); ; milliseconds++) {
    const seconds = (milliseconds / 1000).toFixed(3).padStart(14, "0");
    const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`);
    try {
      return [path, createNewFile(path)];
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

/** SessionLog.SessionStatus.START: what an earlier session logged at this step or later is to be forgotten. */
const sessionStart = 1;
/** DataType.DT_STRING. */
const stringType = 7;
/** Summary.Image.colorspace. */
const rgb = 3;

/** A TFRecord: length as uint64, its masked checksum, the data, its masked checksum; little endian. */
export function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), data.length + 12);
  return record;
}

/** CRC-32C (Castagnoli), as in RFC 3720, appendix B.4. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** Rotated and shifted, so that checksums of data that contains checksums stay good. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
