// What a pickle of PyTorch tensors may name: the functions that rebuild one, storage types, and ordered dicts.
import type { DType } from "pioneer-torch";
import { DataError } from "../base/errors.ts";
import {
  counts,
  damaged,
  type Made,
  type PickleItem,
  PickleName,
  PickleObject,
  type PickleRules,
  pickleNames,
  text,
} from "./reader.ts";

/** A run of numbers beside the pickle, which tensors are views of. */
export class PickledStorage extends PickleObject {
  override readonly isPart = true;
  readonly key: string;
  readonly dtype: DType;
  /** Elements, as the pickle says. */
  readonly length: number;

  constructor(key: string, dtype: DType, length: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor as PyTorch pickles it: a view of a storage, inside of what the pickle says of its length. */
export class PickledTensor extends PickleObject {
  override readonly isPart = false;
  readonly storage: PickledStorage;
  /** In elements, as are the strides. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];

  constructor(storage: PickledStorage, offset: number, shape: readonly number[], stride: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

const storageTypes: Readonly<Record<string, DType>> = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

/** (storage, offset, shape, stride, and in later versions what training needs). */
function rebuildTensor([storage, offset, shape, stride]: readonly PickleItem[]): Made {
  if (!(storage instanceof PickledStorage)) throw damaged("holds a tensor without numbers");
  const [first] = counts([offset as PickleItem]);
  const [sizes, steps] = [counts(shape), counts(stride)];
  if (sizes.length !== steps.length) throw damaged("holds a tensor of no shape");
  const length = sizes.reduce((product, size) => product * size, 1);
  const last = sizes.reduce((sum, size, i) => sum + (size - 1) * (steps[i] as number), first as number);
  // Strides of 0 could make a tensor of any size of a few numbers.
  if (length > 0 && (last >= storage.length || length > storage.length)) {
    throw damaged(`holds a tensor of shape [${sizes.join(", ")}] in a storage of ${storage.length} numbers`);
  }
  return { value: new PickledTensor(storage, first as number, sizes, steps) };
}

/** nn.Parameter: (tensor, whether it learns, hooks). */
function rebuildParameter([tensor]: readonly PickleItem[]): Made {
  if (!(tensor instanceof PickledTensor)) throw damaged("holds a parameter that is no tensor");
  return { value: tensor };
}

/** Filled after it is made; what is said of it besides (`_metadata`) is of no use. */
function orderedDict(args: readonly PickleItem[]): Made {
  if (args.length > 0) throw damaged("holds a dict that is filled in an unknown way");
  return { value: new Map(), fill: () => undefined };
}

/** Of a storage's type, as an argument only. */
class StorageType extends PickleName {
  readonly dtype: DType;
  constructor(name: string, dtype: DType) {
    super(name);
    this.dtype = dtype;
  }
}

const names = pickleNames([
  new PickleName("torch._utils _rebuild_tensor", rebuildTensor), // up to 0.3
  new PickleName("torch._utils _rebuild_tensor_v2", rebuildTensor),
  new PickleName("torch._utils _rebuild_parameter", rebuildParameter),
  new PickleName("collections OrderedDict", orderedDict),
  ...Object.entries(storageTypes).flatMap(([type, dtype]) => [
    new StorageType(`torch ${type}`, dtype),
    new StorageType(`torch.cuda ${type}`, dtype),
  ]),
]);

/**
 * The rules for one file of PyTorch.
 * @returns also the storages that its pickles point at, by key, as they are found
 */
export function torchRules(): { rules: PickleRules; storages: ReadonlyMap<string, PickledStorage> } {
  const storages = new Map<string, PickledStorage>();
  /** ("storage", type, key, device, length, and in old files a view) */
  const persistent = (id: PickleItem): PickledStorage => {
    if (!Array.isArray(id) || text(id[0]) !== "storage" || !(id[1] instanceof StorageType)) {
      throw damaged("points at something that is no storage");
    }
    if (id[5] !== undefined && id[5] !== null) {
      throw new DataError(
        "holds views of storages, which PyTorch wrote before 0.4 for some; save it again with torch.save",
      );
    }
    const { dtype } = id[1];
    const [key, [length]] = [text(id[2]), counts([id[4] as PickleItem])];
    const known = storages.get(key);
    if (known && (known.dtype !== dtype || known.length !== length)) {
      throw damaged(`says two things of storage ${JSON.stringify(key.slice(0, 40))}`);
    }
    const storage = known ?? new PickledStorage(key, dtype, length as number);
    storages.set(key, storage);
    return storage;
  };
  return { rules: { names, persistent }, storages };
}
