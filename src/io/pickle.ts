/**
 * Reads the pickles that PyTorch writes of tensors, and nothing else: a pickle is a program, and this machine knows only the
 * instructions that build dictionaries, lists, numbers and texts, and calls only the functions that its caller lists. It
 * never runs code of the file. Formats: CPython, Lib/pickletools.py.
 *
 * @module
 */

/** A function that a pickle may name, by "module name". It gets the arguments as they stand in the file. */
export type Callable = (...args: unknown[]) => unknown;

/** What a pickle may use. */
export interface PickleOptions {
  /** The functions and classes that it may name; all others are refused. */
  globals: ReadonlyMap<string, Callable>;
  /** Resolves a persistent id, by which PyTorch names storages. */
  persistent(id: unknown): unknown;
}

/** A value read from a pickle, and where the next one begins. */
export interface Unpickled {
  value: unknown;
  end: number;
}

/** None of these files has more of them. */
const MAX_VALUES = 5e6;

/** Stands on the stack where a tuple or a list of arguments begins. */
const MARK = Symbol("mark");

/** A function or class that the file names, before it is called. */
class Global {
  constructor(readonly name: string, readonly call: Callable) {}
}

/**
 * Reads the pickle in `bytes` from byte `from` on. Dictionaries become Maps, tuples and lists arrays, integers beyond 2⁵³
 * bigints.
 *
 * @throws {Error} that says what the file asks for, if that is none of the allowed.
 */
export function unpickle(bytes: Uint8Array, options: PickleOptions, from = 0): Unpickled {
  const machine = new Machine(bytes, options, from);
  while (!machine.done) machine.step();
  return { value: machine.result, end: machine.at };
}

type Instruction = (machine: Machine) => void;

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: PickleOptions;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #values = 0;
  at: number;
  done = false;
  result: unknown;

  constructor(bytes: Uint8Array, options: PickleOptions, from: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.at = from;
  }

  step(): void {
    const at = this.at, code = this.uint(1), instruction = instructions.get(code);
    if (!instruction) {
      throw new Error(
        `its pickle has the instruction 0x${code.toString(16)} at byte ${at}, which no tensors need`,
      );
    }
    if (++this.#values > MAX_VALUES) throw new Error("its pickle has more values than any model");
    instruction(this);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0) {
      throw new Error(`its pickle takes a value that is not there before byte ${this.at}`);
    }
    return this.#stack.pop();
  }

  /** The values above the last mark, which are taken with it. */
  popMarked(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new Error(`its pickle lacks a mark before byte ${this.at}`);
    const values = this.#stack.splice(mark);
    return values.slice(1);
  }

  uint(size: 1 | 2 | 4 | 8): number {
    const at = this.take(size);
    if (size === 1) return this.#bytes[at];
    if (size === 2) return this.#view.getUint16(at, true);
    if (size === 4) return this.#view.getUint32(at, true);
    const value = this.#view.getBigUint64(at, true);
    if (value > BigInt(this.#bytes.length)) throw new Error(`its pickle ends within a text at byte ${at}`);
    return Number(value);
  }

  int32(): number {
    return this.#view.getInt32(this.take(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.take(8), false);
  }

  /** Moves on by `size` bytes; returns where they begin. */
  take(size: number): number {
    const at = this.at;
    if (at + size > this.#bytes.length) {
      throw new Error(`its pickle is cut off at byte ${this.#bytes.length}`);
    }
    this.at += size;
    return at;
  }

  text(size: number): string {
    const at = this.take(size);
    return new TextDecoder("utf-8", { fatal: true }).decode(this.#bytes.subarray(at, at + size));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new Error(`its pickle is cut off at byte ${this.#bytes.length}`);
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** A little-endian integer of any length in two's complement. */
  long(size: number): number | bigint {
    const at = this.take(size);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = value << 8n | BigInt(this.#bytes[at + i]);
    value = BigInt.asIntN(8 * size, value);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  remember(key: number = this.#memo.size): void {
    this.#memo.set(key, this.#stack.at(-1));
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw new Error(`its pickle recalls a value that it never kept`);
    this.push(this.#memo.get(key));
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") {
      throw new Error("its pickle asks for something whose name is no text");
    }
    const full = `${module} ${name}`, call = this.#options.globals.get(full);
    if (!call) throw new Error(`it is more than tensors: its pickle asks for "${module}.${name}"`);
    this.push(new Global(full, call));
  }

  persistent(): void {
    const id = this.pop();
    // The type of a storage is named, never called.
    this.push(
      this.#options.persistent(
        Array.isArray(id) ? id.map((part) => part instanceof Global ? part.name : part) : id,
      ),
    );
  }

  call(): void {
    const args = this.pop(), callable = this.pop();
    if (!(callable instanceof Global) || !Array.isArray(args)) {
      throw new Error("its pickle calls what is no function");
    }
    this.push(callable.call(...args));
  }

  stop(): void {
    this.result = this.pop();
    this.done = true;
  }

  /** Adds the pairs `values` to the dictionary below them. */
  set(values: unknown[]): void {
    const dictionary = this.#stack.at(-1);
    if (!(dictionary instanceof Map) || values.length % 2 !== 0) {
      throw new Error("its pickle fills what is no dictionary");
    }
    for (let i = 0; i < values.length; i += 2) dictionary.set(values[i], values[i + 1]);
  }

  append(values: unknown[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new Error("its pickle fills what is no list");
    for (const value of values) list.push(value);
  }

  /** An object's attributes, such as the `_metadata` of a state dictionary. Only dictionaries may have them; they are dropped. */
  build(): void {
    this.pop();
    if (!(this.#stack.at(-1) instanceof Map)) {
      throw new Error("its pickle sets attributes of what is no dictionary");
    }
  }
}

const tuple = (count: number): Instruction => (m) => {
  const values = Array.from({ length: count }, () => m.pop());
  m.push(values.reverse());
};

/** The instructions, by code, with their names in pickletools. */
const instructions = new Map<number, Instruction>([
  [0x80, (m) => void m.uint(1)], // PROTO
  [0x95, (m) => void m.take(8)], // FRAME
  [0x2e, (m) => m.stop()], // STOP
  [0x28, (m) => m.push(MARK)], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.uint(1))], // BININT1
  [0x4d, (m) => m.push(m.uint(2))], // BININT2
  [0x8a, (m) => m.push(m.long(m.uint(1)))], // LONG1
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x58, (m) => m.push(m.text(m.uint(4)))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.text(m.uint(8)))], // BINUNICODE8
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x85, tuple(1)], // TUPLE1
  [0x86, tuple(2)], // TUPLE2
  [0x87, tuple(3)], // TUPLE3
  [0x74, (m) => m.push(m.popMarked())], // TUPLE
  [0x73, (m) => {
    const value = m.pop(), key = m.pop();
    m.set([key, value]);
  }], // SETITEM
  [0x75, (m) => m.set(m.popMarked())], // SETITEMS
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popMarked())], // APPENDS
  [0x71, (m) => m.remember(m.uint(1))], // BINPUT
  [0x72, (m) => m.remember(m.uint(4))], // LONG_BINPUT
  [0x94, (m) => m.remember()], // MEMOIZE
  [0x68, (m) => m.recall(m.uint(1))], // BINGET
  [0x6a, (m) => m.recall(m.uint(4))], // LONG_BINGET
  [0x63, (m) => m.global(m.line(), m.line())], // GLOBAL
  [0x93, (m) => {
    const name = m.pop(), module = m.pop();
    m.global(module, name);
  }], // STACK_GLOBAL
  [0x51, (m) => m.persistent()], // BINPERSID
  [0x52, (m) => m.call()], // REDUCE
  [0x62, (m) => m.build()], // BUILD
]);
