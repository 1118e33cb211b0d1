/**
 * Reads the tensors of a file that PyTorch's `torch.save` wrote, `.pth` or `.pt`: a zip archive with a pickle and a file for
 * each storage, or, before PyTorch 1.6, pickles with the storages behind them. Nothing of the file is executed.
 *
 * @module
 */
import { messageOf, UserError } from "../base/errors.ts";
import type { TensorEntry } from "./safetensors.ts";
import { type Callable, unpickle } from "./pickle.ts";

/** A piece of memory that tensors are views of; its bytes are known after the pickle was read. */
interface Storage {
  type: StorageType;
  key: string;
}

/** A tensor as the pickle describes it. */
class TorchTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** The types of storages: bytes of an element, and how elements become numbers; null for what no weight is. */
const storageTypes = {
  FloatStorage: { size: 4, read: (buffer: ArrayBuffer) => new Float32Array(buffer) },
  DoubleStorage: { size: 8, read: (buffer: ArrayBuffer) => new Float64Array(buffer) },
  HalfStorage: { size: 2, read: (buffer: ArrayBuffer) => new Float16Array(buffer) },
  BFloat16Storage: { size: 2, read: brainFloats },
  LongStorage: { size: 8, read: null },
  IntStorage: { size: 4, read: null },
  ShortStorage: { size: 2, read: null },
  CharStorage: { size: 1, read: null },
  ByteStorage: { size: 1, read: null },
  BoolStorage: { size: 1, read: null },
} as const;
type StorageType = keyof typeof storageTypes;

/** bfloat16 is the upper half of a float32. */
function brainFloats(buffer: ArrayBuffer): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
}

const isShape = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function rebuildTensor(storage: unknown, offset: unknown, shape: unknown, strides: unknown): TorchTensor {
  const isStorage = typeof storage === "object" && storage !== null && "key" in storage;
  if (
    !isStorage || !isShape([offset]) || !isShape(shape) || !isShape(strides) ||
    shape.length !== strides.length
  ) {
    throw new Error("its pickle describes a tensor that makes no sense");
  }
  return new TorchTensor(storage as Storage, offset as number, shape, strides);
}

/** Only named, as the type of a storage. */
const neverCalled: Callable = () => {
  throw new Error("its pickle calls the type of a storage");
};

/** All that a state dictionary names. */
const globals = new Map<string, Callable>([
  ["collections OrderedDict", () => new Map()],
  ["torch._utils _rebuild_tensor", rebuildTensor],
  ["torch._utils _rebuild_tensor_v2", rebuildTensor],
  ["torch._utils _rebuild_parameter", (tensor) => tensor],
  ["torch Size", (sizes) => sizes],
  ...Object.keys(storageTypes).map((type): [string, Callable] => [`torch ${type}`, neverCalled]),
]);

/** A storage's persistent id: ("storage", type, key, location, length), before 1.6 with a view that is always None. */
function storageOf(id: unknown): Storage {
  const [what, type, key] = Array.isArray(id) ? id : [];
  const name = typeof type === "string" ? type.replace(/^torch /, "") : "";
  if (what !== "storage" || !Object.hasOwn(storageTypes, name) || typeof key !== "string") {
    throw new Error("its pickle has a reference that is no storage of tensors");
  }
  return { type: name as StorageType, key };
}

/** The bytes of a storage by its key. */
type StorageReader = (storage: Storage) => Promise<Uint8Array>;

/** The file is not whole: nothing is wrong with what was saved. */
class DamagedError extends Error {}

/** What torch.save was given, and how to read its storages. */
interface Saved {
  value: unknown;
  read: StorageReader;
}

/**
 * The tensors of floating-point numbers in the file `path` whose content is `bytes`, by name, as float32. Dictionaries within
 * the dictionary join their names with dots. Integers, such as the counts of batches, are left out.
 *
 * @throws {UserError} if the file is damaged, or has anything but tensors, numbers, texts, lists and dictionaries.
 */
export async function readTorchFile(path: string, bytes: Uint8Array): Promise<Map<string, TensorEntry>> {
  try {
    const { value, read } = isZip(bytes) ? await openZip(bytes) : openLegacy(bytes);
    const tensors = new Map<string, TensorEntry>();
    let left = bytes.length;
    for (const [name, tensor] of tensorsIn(value)) {
      left -= lengthOf(tensor);
      // A tensor may repeat a number of its storage without end.
      if (left < 0) throw new Error("its tensors have more numbers than the file has bytes");
      const entry = await entryOf(tensor, read);
      if (entry) tensors.set(name, entry);
    }
    if (tensors.size === 0) throw new Error("it has no tensors of floating-point numbers by name");
    return tensors;
  } catch (error) {
    const advice = error instanceof DamagedError
      ? "Fetch or copy the file again."
      : "Save the model's state dictionary alone, torch.save(model.state_dict(), file), or as safetensors.";
    throw new UserError(`Cannot read the weights in "${path}": ${messageOf(error)}. ${advice}`, {
      cause: error,
    });
  }
}

/** Whether `bytes` begin as torch.save's files do: a zip archive, or a pickle of protocol 2 to 5. */
export function isTorchFile(bytes: Uint8Array): boolean {
  return isZip(bytes) || bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Keys under which training programs keep the weights beside other things. */
const WEIGHT_KEYS = ["state_dict", "model_state_dict", "model", "network", "net"];

/** The tensors below `value`, with their names. */
function* tensorsIn(value: unknown): Generator<[string, TorchTensor]> {
  if (!(value instanceof Map)) throw new Error("it is no dictionary of tensors");
  const inner = WEIGHT_KEYS.find((key) => value.get(key) instanceof Map);
  yield* named(inner === undefined ? value : value.get(inner), { prefix: "", seen: new Set() });
}

function* named(
  value: Map<unknown, unknown>,
  { prefix, seen }: { prefix: string; seen: Set<unknown> },
): Generator<[string, TorchTensor]> {
  // Each that contains another twice would double the tensors, and one that contains itself would have no end of them.
  if (seen.has(value)) throw new Error("its pickle has the same dictionary in several places");
  seen.add(value);
  for (const [key, each] of value) {
    if (!(each instanceof TorchTensor || each instanceof Map)) continue;
    if (typeof key !== "string" && typeof key !== "number") {
      throw new Error("its pickle has a tensor whose name is no text");
    }
    if (each instanceof TorchTensor) yield [`${prefix}${key}`, each];
    else yield* named(each, { prefix: `${prefix}${key}.`, seen });
  }
}

const lengthOf = ({ shape }: TorchTensor) => shape.reduce((a, b) => a * b, 1);

async function entryOf(tensor: TorchTensor, read: StorageReader): Promise<TensorEntry | null> {
  const { storage, offset, shape, strides } = tensor, type = storageTypes[storage.type];
  if (type.read === null) return null;
  const bytes = await read(storage);
  const length = lengthOf(tensor);
  const last = shape.reduce((at, size, axis) => at + (size - 1) * strides[axis], offset);
  if (length > 0 && (last + 1) * type.size > bytes.length) {
    throw new Error("a tensor reaches beyond its storage");
  }
  // A copy, so that it is aligned.
  const values = type.read(
    bytes.slice(0, Math.floor(bytes.length / type.size) * type.size).buffer as ArrayBuffer,
  );
  return { shape, data: gather(values, { offset, shape, strides, length }) };
}

/** The elements in the order of the axes, whatever their strides are. */
function gather(
  values: ArrayLike<number>,
  { offset, shape, strides, length }: {
    offset: number;
    shape: readonly number[];
    strides: readonly number[];
    length: number;
  },
): Float32Array {
  const data = new Float32Array(length), place = new Array<number>(shape.length).fill(0);
  for (let i = 0, at = offset; i < length; i++) {
    data[i] = values[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++place[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
  return data;
}

/** torch.save does not compress, and weights that another program compressed do not become much smaller. */
const MOST_UNPACKED = 4;

async function openZip(bytes: Uint8Array): Promise<Saved> {
  const { Uint8ArrayReader, Uint8ArrayWriter, ZipReader } = await import(
    "npm:@zip.js/zip.js@2.24.0/lib/zip-core-native.js"
  );
  const entries = await new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false }).getEntries()
    .catch((cause) => {
      throw new DamagedError(`it is a zip archive without its end (${messageOf(cause)})`, { cause });
    });
  const named = new Map(entries.map((entry) => [entry.filename, entry]));
  const read = async (name: string) => {
    const entry = named.get(name);
    if (!entry || entry.directory) throw new Error(`it lacks the entry "${name}"`);
    return await entry.getData(new Uint8ArrayWriter());
  };
  const unpacked = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  if (unpacked > MOST_UNPACKED * bytes.length) {
    throw new Error(`it is an archive of ${bytes.length} bytes that unpacks to ${unpacked}`);
  }
  // The archive's folder is named after the file that was written.
  const pickle = entries.find(({ filename }) => /^[^/]+\/data\.pkl$/.test(filename))?.filename;
  if (pickle === undefined) {
    throw new Error("it is a zip archive without data.pkl, so torch.save did not write it");
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (named.has(`${folder}code/`) || entries.some(({ filename }) => filename.startsWith(`${folder}code/`))) {
    throw new Error("it is a program of TorchScript");
  }
  const order = named.has(`${folder}byteorder`)
    ? new TextDecoder().decode(await read(`${folder}byteorder`)).trim()
    : "little";
  if (order !== "little") throw new Error(`its numbers are stored ${order}-endian`);
  const { value } = unpickle(await read(pickle), { globals, persistent: storageOf });
  return { value, read: (storage) => read(`${folder}data/${storage.key}`) };
}

/** PyTorch before 1.6: a magic number, a protocol, a description of the system, the object, the keys, the storages. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

function openLegacy(bytes: Uint8Array): Saved {
  const options = { globals, persistent: storageOf };
  const sizes = new Map<string, number>();
  let end = 0;
  const next = () => {
    const read = unpickle(bytes, {
      ...options,
      persistent(id) {
        const storage = storageOf(id);
        sizes.set(storage.key, storageTypes[storage.type].size);
        return storage;
      },
    }, end);
    end = read.end;
    return read.value;
  };
  if (next() !== LEGACY_MAGIC) throw new Error("it is a pickle that torch.save did not write");
  next();
  next();
  const value = next(), keys = next();
  if (!Array.isArray(keys)) throw new Error("it has no list of storages");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  for (const key of keys.map(String)) {
    if (end + 8 > bytes.length) throw new DamagedError(`it is cut off at byte ${bytes.length}`);
    const count = Number(view.getBigInt64(end, true)), length = count * (sizes.get(key) ?? NaN);
    if (!(length >= 0 && end + 8 + length <= bytes.length)) {
      throw new DamagedError(`it is cut off at byte ${bytes.length}`);
    }
    storages.set(key, bytes.subarray(end + 8, end + 8 + length));
    end += 8 + length;
  }
  return {
    value,
    read({ key }) {
      const storage = storages.get(key);
      if (!storage) throw new Error(`it lacks the storage "${key}"`);
      return Promise.resolve(storage);
    },
  };
}
