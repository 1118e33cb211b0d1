/**
 * The system's MPI library through FFI: Open MPI, or MPICH and what shares its interface (Intel MPI, MVAPICH, Cray).
 *
 * Nothing is compiled and no header is read. What the headers would say stands here: Open MPI's handles are addresses of
 * its data symbols, MPICH's are numbers.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { MachineError, messageOf } from "../base/errors.ts";

/** Names under which the dynamic linker finds the libraries of Open MPI and of MPICH's kind. */
const OPEN_MPI = ["libmpi.so.40", "libmpi.so", "libmpi.dylib"];
const MPICH = ["libmpich.so.12", "libmpi.so.12", "libmpich.dylib"];

/** The names to try, the library of the launcher first. */
export function libraryNames(): string[] {
  const isHydra = environmentVariable("PMI_RANK") !== undefined &&
    environmentVariable("PMIX_RANK") === undefined;
  return isHydra ? [...MPICH, ...OPEN_MPI] : [...OPEN_MPI, ...MPICH];
}

/** Handles and special pointers of a family of libraries. */
interface Handles {
  world: unknown;
  float: unknown;
  byte: unknown;
  sum: unknown;
  errorsReturn: unknown;
  ignoreStatus: Deno.PointerValue;
}

/** The handles of Open MPI: addresses of these symbols. */
const OPEN_MPI_SYMBOLS = {
  world: "ompi_mpi_comm_world",
  float: "ompi_mpi_float",
  byte: "ompi_mpi_byte",
  sum: "ompi_mpi_op_sum",
  errorsReturn: "ompi_mpi_errors_return",
} as const;

const mpichHandles = (): Handles => ({
  world: 0x44000000,
  float: 0x4c00040a,
  byte: 0x4c00010d,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  ignoreStatus: Deno.UnsafePointer.create(1n),
});

/** The functions. `H` is the type of a handle; calls that may wait run on a thread (`nonblocking`). */
function functionsFor(H: "pointer" | "i32") {
  const handle = H as "pointer";
  const on = { nonblocking: true, result: "i32" } as const, at = { result: "i32" } as const;
  const message = ["buffer", "i32", handle, "i32", "i32", handle, "buffer"] as const;
  const exchange = ["buffer", "i32", handle, "buffer", "i32", handle, handle] as const;
  return {
    MPI_Init_thread: { parameters: ["pointer", "pointer", "i32", "buffer"], ...at },
    MPI_Comm_set_errhandler: { parameters: [handle, handle], ...at },
    MPI_Comm_rank: { parameters: [handle, "buffer"], ...at },
    MPI_Comm_size: { parameters: [handle, "buffer"], ...at },
    MPI_Get_library_version: { parameters: ["buffer", "buffer"], ...at },
    MPI_Error_string: { parameters: ["i32", "buffer", "buffer"], ...at },
    MPI_Isend: { parameters: message, ...at },
    MPI_Irecv: { parameters: message, ...at },
    MPI_Test: { parameters: ["buffer", "buffer", "pointer"], ...at },
    MPI_Bcast: { parameters: ["buffer", "i32", handle, "i32", handle], ...on },
    MPI_Alltoall: { parameters: exchange, ...on },
    MPI_Allgather: { parameters: exchange, ...on },
    MPI_Reduce_local: { parameters: ["buffer", "buffer", "i32", handle, handle], ...on },
    MPI_Finalize: { parameters: [], ...on },
    MPI_Abort: { parameters: [handle, "i32"], ...at },
  } as const;
}

/** A message under way, with the bytes that must stay until it has arrived. */
export interface Request {
  request: BigUint64Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
  done: boolean;
}

/** `MPI_THREAD_SERIALIZED`: calls come from several threads, one at a time. */
const SERIALIZED = 2;

/** MPI's calls as the project uses them. One call at a time may be under way, but for messages. */
export class Library {
  readonly #call;
  readonly #handles: Handles;

  /** @param functions those of {@linkcode functionsFor}, opened. */
  private constructor(
    functions: Deno.DynamicLibrary<ReturnType<typeof functionsFor>>["symbols"],
    handles: Handles,
  ) {
    this.#call = functions;
    this.#handles = handles;
  }

  /**
   * Opens the first library that the system finds.
   *
   * @throws {MachineError} if there is none.
   */
  static open(names: readonly string[] = libraryNames()): Library {
    const failures: string[] = [];
    for (const name of names) {
      try {
        return Library.#openFile(name);
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable) throw error;
        failures.push(messageOf(error).split("\n")[0]);
      }
    }
    throw new MachineError(
      `Cannot join the other processes as an MPI library must be found: ${
        failures.at(-1)
      }. Install Open MPI or MPICH, ` +
        `or load its module so that LD_LIBRARY_PATH names its folder.`,
    );
  }

  static #openFile(name: string): Library {
    const symbols = Object.fromEntries(
      Object.values(OPEN_MPI_SYMBOLS).map((symbol) => [symbol, { type: "pointer", optional: true }] as const),
    );
    const data = Deno.dlopen(name, symbols).symbols as Record<string, Deno.PointerValue>;
    if (!data[OPEN_MPI_SYMBOLS.world]) {
      return new Library(Deno.dlopen(name, functionsFor("i32")).symbols, mpichHandles());
    }
    const addresses = Object.entries(OPEN_MPI_SYMBOLS).map(([key, symbol]) => [key, data[symbol]]);
    const handles = { ...Object.fromEntries(addresses), ignoreStatus: null } as Handles;
    return new Library(Deno.dlopen(name, functionsFor("pointer")).symbols, handles);
  }

  /** Joins the other processes; returns this one's rank and their number. */
  start(): { rank: number; size: number } {
    const { world, errorsReturn } = this.#handles, out = new Int32Array(1);
    this.#check("MPI_Init_thread", this.#call.MPI_Init_thread(null, null, SERIALIZED, out));
    if (out[0] < SERIALIZED) {
      throw new MachineError(
        "Cannot use this MPI library: it was built without threads. Install one with MPI_THREAD_SERIALIZED.",
      );
    }
    this.#check(
      "MPI_Comm_set_errhandler",
      this.#call.MPI_Comm_set_errhandler(world as null, errorsReturn as null),
    );
    this.#check("MPI_Comm_rank", this.#call.MPI_Comm_rank(world as null, out));
    const [rank] = out;
    this.#check("MPI_Comm_size", this.#call.MPI_Comm_size(world as null, out));
    return { rank, size: out[0] };
  }

  /** The name and version of the library, such as "Open MPI v4.1.4". */
  get version(): string {
    const text = new Uint8Array(8192), length = new Int32Array(1);
    this.#check("MPI_Get_library_version", this.#call.MPI_Get_library_version(text, length));
    return new TextDecoder().decode(text.subarray(0, length[0])).split(/[,\n\0]/)[0].replace(/\s+/g, " ")
      .trim();
  }

  /** Starts to send `bytes` to rank `to`. */
  send(bytes: Uint8Array<ArrayBuffer>, { to, tag }: { to: number; tag: number }): Request {
    const request = new BigUint64Array(1), { world, byte } = this.#handles;
    const code = this.#call.MPI_Isend(bytes, bytes.length, byte as null, to, tag, world as null, request);
    this.#check("MPI_Isend", code);
    return { request, bytes, done: false };
  }

  /** Starts to receive bytes from rank `from`. */
  receive(bytes: Uint8Array<ArrayBuffer>, { from, tag }: { from: number; tag: number }): Request {
    const request = new BigUint64Array(1), { world, byte } = this.#handles;
    const code = this.#call.MPI_Irecv(bytes, bytes.length, byte as null, from, tag, world as null, request);
    this.#check("MPI_Irecv", code);
    return { request, bytes, done: false };
  }

  readonly #flag = new Int32Array(1);

  /** Whether `message` has arrived, or its bytes are free again. */
  isDone(message: Request): boolean {
    if (message.done) return true;
    this.#check("MPI_Test", this.#call.MPI_Test(message.request, this.#flag, this.#handles.ignoreStatus));
    return message.done = this.#flag[0] !== 0;
  }

  /** Fills `bytes` of all ranks with those of rank 0. */
  async broadcast(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { world, byte } = this.#handles;
    this.#check(
      "MPI_Bcast",
      await this.#call.MPI_Bcast(bytes, bytes.length, byte as null, 0, world as null),
    );
  }

  /** Block s of `received` becomes the block of rank s for this rank. Blocks have `count` floats. */
  async exchange(
    sent: Float32Array<ArrayBuffer>,
    received: Float32Array<ArrayBuffer>,
    count: number,
  ): Promise<void> {
    const { world, float } = this.#handles, type = float as null;
    this.#check(
      "MPI_Alltoall",
      await this.#call.MPI_Alltoall(sent, count, type, received, count, type, world as null),
    );
  }

  /** Block s of `received` becomes what rank s sent. */
  async gather(sent: Uint8Array<ArrayBuffer>, received: Uint8Array<ArrayBuffer>): Promise<void> {
    const { world, byte } = this.#handles, type = byte as null, { length } = sent;
    this.#check(
      "MPI_Allgather",
      await this.#call.MPI_Allgather(sent, length, type, received, length, type, world as null),
    );
  }

  /** into[i] += from[i] */
  async add(into: Float32Array<ArrayBuffer>, from: Float32Array<ArrayBuffer>): Promise<void> {
    const { float, sum } = this.#handles;
    this.#check(
      "MPI_Reduce_local",
      await this.#call.MPI_Reduce_local(from, into, into.length, float as null, sum as null),
    );
  }

  /** Leaves the other processes, when all of them do. */
  async finish(): Promise<void> {
    this.#check("MPI_Finalize", await this.#call.MPI_Finalize());
  }

  /** Ends all processes, this one too. */
  abort(code: number): void {
    this.#call.MPI_Abort(this.#handles.world as null, code);
  }

  #check(name: string, code: number): void {
    if (code === 0) return;
    const text = new Uint8Array(1024), length = new Int32Array(1);
    this.#call.MPI_Error_string(code, text, length);
    const reason = new TextDecoder().decode(text.subarray(0, length[0]));
    throw new MachineError(`Cannot go on: ${name} failed: ${reason.replaceAll("\n", " ")}.`);
  }
}
