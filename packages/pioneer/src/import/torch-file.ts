// Files that torch.save wrote: the zip container of PyTorch 1.6 and later, and the stream of earlier ones.
import { closeSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { elementBytes, fromFile, keep, operator, scope, type Tensor } from "pioneer-torch";
import { CheckpointError, DataError } from "../base/errors.ts";
import { type OpenFile, openFile } from "../base/read.ts";
import { type PickleItem, readPickle } from "../pickle/reader.ts";
import { type PickledStorage, type PickledTensor, torchRules } from "../pickle/torch.ts";
import { listRecords, type ZipRecord } from "./zip-records.ts";

/** Pickles hold names and places, no numbers: those of a checkpoint are below 1 MB. */
const maxPickleBytes = 4 * 2 ** 20;

const readAtOnce = 4 * 2 ** 20;

const magicNumber = 0x1950a86a20f9469cfc6cn;
const streamVersion = 1001;

const asStrided = operator<[Tensor, readonly number[], readonly number[], number], Tensor>("aten::as_strided");

/** What torch.save wrote. The numbers stay in the file until they are asked for. */
export interface TorchFile {
  readonly path: string;
  readonly bytes: number;
  readonly root: PickleItem;
  /** A tensor's numbers, row-major, in its own dtype, in memory of their own. @throws CheckpointError */
  load(tensor: PickledTensor): Tensor;
  /** Bytes of a tensor's numbers. */
  size(tensor: PickledTensor): number;
  close(): void;
}

/**
 * Opens a file of PyTorch and reads its pickle, by which nothing is run: only tensors, numbers, text, lists and dicts are
 * known. Takes memory for the pickle alone, at most 4 MiB of file.
 * @throws CheckpointError in one line: not such a file, cut short, damaged, compressed, or of someone who means harm
 */
export async function openTorchFile(path: string): Promise<TorchFile> {
  const file = openFile(path);
  try {
    return await naming(path, () => readTorchFile(file));
  } finally {
    closeSync(file.fd);
  }
}

/** What readers say of a file's content becomes a line about the file. */
async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError) throw new CheckpointError(`${path} ${error.message}`, { cause: error });
    throw error;
  }
}

async function readTorchFile(file: OpenFile): Promise<TorchFile> {
  const head = readBytes(file, 0, Math.min(file.bytes, 512));
  if (head.subarray(0, 2).toString("latin1") === "PK") return readZip(file);
  if (head.subarray(257, 262).toString("latin1") === "ustar") {
    throw new DataError("is a tar of PyTorch 0.1: load it there and save it again with PyTorch 0.2 or later");
  }
  if (head[0] === 0x80) return readStream(file);
  throw new DataError("was not written by torch.save: it begins neither as a zip nor as a pickle");
}

/** Records data.pkl, data/0, data/1 ... in a folder of the zip. */
async function readZip(file: OpenFile): Promise<TorchFile> {
  const records = await listRecords(file.path);
  const main = [...records.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (main === undefined) throw new DataError("is a zip without a data.pkl: it was not written by torch.save");
  const folder = main.slice(0, -"data.pkl".length);
  const content = (name: string, limit: number): Buffer | undefined => {
    const record = records.get(folder + name);
    if (!record) return undefined;
    if (record.bytes > limit) throw new DataError(`has a ${name} of ${record.bytes} bytes, expected at most ${limit}`);
    checkRecord(file, record, name);
    return readBytes(file, record.at, record.bytes);
  };
  if (content("byteorder", 16)?.toString("latin1") === "big") throw bigEndian();
  const { rules, storages } = torchRules();
  const pickle = content("data.pkl", maxPickleBytes) as Buffer;
  const root = readPickle(pickle, rules).value;
  const places = new Map<string, number>();
  for (const storage of storages.values()) {
    const record = records.get(`${folder}data/${storage.key}`);
    if (!record) throw new DataError(`lacks the numbers of storage ${shown(storage)}; download it again`);
    if (record.bytes !== bytesOf(storage)) {
      throw new DataError(
        `has ${record.bytes} bytes for storage ${shown(storage)}, which should have ${bytesOf(storage)}; download it again`,
      );
    }
    checkRecord(file, record, `storage ${shown(storage)}`);
    places.set(storage.key, record.at);
  }
  return torchFile(file, root, places);
}

/** @throws DataError if the bytes are not those that were written */
function checkRecord(file: OpenFile, { at, bytes, checksum }: ZipRecord, what: string): void {
  if (checksum === 0) return;
  let found = 0;
  for (let done = 0; done < bytes; done += readAtOnce) {
    found = crc32(readBytes(file, at + done, Math.min(readAtOnce, bytes - done)), found);
  }
  if (found !== checksum)
    throw new DataError(`is damaged in ${what}: its checksum (CRC-32) differs; download it again`);
}

/** Five pickles (magic number, version, machine, the object, keys of storages), then each storage after its length. */
async function readStream(file: OpenFile): Promise<TorchFile> {
  const head = readBytes(file, 0, Math.min(file.bytes, maxPickleBytes));
  const { rules, storages } = torchRules();
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(head, rules, at);
    at = end;
    return value;
  };
  if (next() !== magicNumber || next() !== streamVersion) throw new DataError("was not written by torch.save");
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) throw bigEndian();
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new DataError("lacks the list of its storages; download it again");
  const places = new Map<string, number>();
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || places.has(storage.key))
      throw new DataError("lists storages that it has no use for; it is damaged");
    const length = Number(readBytes(file, at, 8).readBigInt64LE());
    if (length !== storage.length) {
      throw new DataError(
        `has ${length} numbers in storage ${shown(storage)}, which should have ${storage.length}; download it again`,
      );
    }
    places.set(storage.key, at + 8);
    at += 8 + bytesOf(storage);
    if (at > file.bytes) throw cutShort(file, at);
  }
  for (const storage of storages.values()) {
    if (!places.has(storage.key))
      throw new DataError(`lacks the numbers of storage ${shown(storage)}; download it again`);
  }
  return torchFile(file, root, places);
}

function torchFile(file: OpenFile, root: PickleItem, places: ReadonlyMap<string, number>): TorchFile {
  const { path, bytes } = file;
  // Mapped, not read: pages come as they are touched, and the system takes them back.
  const mapped = keep(fromFile(path, bytes));
  return {
    path,
    bytes,
    root,
    load: ({ storage, offset, shape, stride }) =>
      scope(() => {
        const unit = elementBytes[storage.dtype];
        const length = shape.reduce((sum, size, i) => sum + (size - 1) * (stride[i] as number), 1);
        const at = (places.get(storage.key) as number) + offset * unit;
        // The copy is aligned, whatever the place in the file.
        const numbers = mapped
          .narrow(0, at, length * unit)
          .clone()
          .viewAs(storage.dtype);
        return asStrided(numbers, shape, stride, 0).contiguous();
      }),
    size: ({ storage, shape }) => shape.reduce((product, size) => product * size, elementBytes[storage.dtype]),
    close: () => mapped.dispose(),
  };
}

const bytesOf = ({ dtype, length }: PickledStorage) => length * elementBytes[dtype];
const shown = ({ key }: PickledStorage) => JSON.stringify(key.slice(0, 40));

function readBytes(file: OpenFile, at: number, length: number): Buffer {
  if (at + length > file.bytes) throw cutShort(file, at + length);
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file.fd, bytes, done, length - done, at + done);
    if (read === 0) throw cutShort(file, at + length);
    done += read;
  }
  return bytes;
}

const cutShort = ({ bytes }: OpenFile, needed: number) =>
  new DataError(`is cut short: it has ${bytes} bytes of at least ${needed}; download it again`);

const bigEndian = () => new DataError("was written on a big-endian machine: load it and save it on another");
