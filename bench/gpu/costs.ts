/**
 * What the adapter is, and what waiting, launching and copying cost on it, in a process of its own: the driver may crash.
 *
 *     deno run -A bench/gpu/costs.ts             what it is, as a line of JSON
 *     deno run -A bench/gpu/costs.ts FILE.json   what things cost too, in that file
 *
 * @module
 */
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { writeJson } from "../../src/io/json_file.ts";
import { median } from "../../src/inspect/timing.ts";
import { Spin } from "./spin.ts";

/** What an adapter is. */
export interface AdapterFacts {
  name: string;
  /** PCI's number of the vendor; 4318 is NVIDIA's. */
  vendor: string;
  device: string;
  software: boolean;
  subgroups: [smallest: number | undefined, largest: number | undefined];
  limits: Record<string, number>;
  features: string[];
}

/** The content of adapter.json. */
export interface AdapterReport extends AdapterFacts {
  /** By what was measured, with its unit. */
  costs: Record<string, number>;
}

const WAITS = 15, DISPATCHES = 512, SUBMISSIONS = 300, RUNS = 5;
/** Work that is long beside what waiting takes. */
const BUSY_MS = 150;
/** Bytes of copies: a step's scalars, a batch of small images, a batch of large ones. */
const UPLOADS = [4096, 2 ** 18, 2 ** 26], READS = [4096, 2 ** 26];
/** Bytes that a series of uploads comes to at most. */
const MAX_UPLOADED = 2 ** 28;

const now = () => performance.now();

function factsOf({ device, name, software }: Gpu): AdapterFacts {
  const { vendor, device: id, subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const limits = Object.getOwnPropertyNames(Object.getPrototypeOf(device.limits))
    .map((key) => [key, device.limits[key as keyof GPUSupportedLimits]] as const)
    .filter(([, value]) => typeof value === "number");
  return {
    name,
    vendor,
    device: id,
    software,
    subgroups: [subgroupMinSize, subgroupMaxSize],
    limits: Object.fromEntries(limits) as Record<string, number>,
    features: [...device.features],
  };
}

function storage(gpu: Gpu, size: number): GPUBuffer {
  return gpu.device.createBuffer({
    size,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
}

/** Measures; `note` hears of each cost as it is known. */
class Costs {
  #wait = 0;
  constructor(readonly gpu: Gpu, readonly note: (what: string, value: number, unit: string) => void) {}

  async #settled(): Promise<void> {
    await this.gpu.device.queue.onSubmittedWorkDone();
    this.gpu.check();
  }

  /** What asking whether an idle GPU is done takes, and whether asking a busy one holds the thread. */
  async waiting(): Promise<void> {
    const { gpu } = this, { queue } = gpu.device, waits: number[] = [];
    for (let i = 0; i < WAITS; i++) {
      const begin = now();
      await this.#settled();
      waits.push(now() - begin);
    }
    this.#wait = median(waits);
    this.note("waiting for an idle queue", this.#wait, "ms");
    using stack = new DisposableStack();
    const buffer = stack.adopt(storage(gpu, 4 * 64 * 4096), (buffer) => buffer.destroy());
    for (let rounds = 1024;; rounds *= 4) {
      const spin = new Spin(gpu, rounds), commands = () => spin.encode([spin.groupOf(buffer)], 4096);
      queue.submit([commands()]);
      await this.#settled();
      const begin = now();
      queue.submit([commands()]);
      const submitted = now(), done = this.#settled(), asked = now();
      await done;
      if (now() - begin - this.#wait < BUSY_MS && rounds < 2 ** 28) continue;
      this.note("work, from its submission to its end", now() - begin, "ms");
      this.note("submitting it held the thread", submitted - begin, "ms");
      this.note("asking when it is done held the thread", asked - submitted, "ms");
      return;
    }
  }

  /** Dispatches that wait for the one before, and those that need not; submissions. */
  async launching(): Promise<void> {
    const { gpu } = this, { queue } = gpu.device, spin = new Spin(gpu, 1);
    const buffers = Array.from({ length: DISPATCHES }, () => storage(gpu, 256));
    const apart = buffers.map((buffer) => spin.groupOf(buffer));
    for (
      const [kind, groups] of [["one after the other", apart.map(() => apart[0])], ["apart", apart]] as const
    ) {
      const encoded: number[] = [], taken: number[] = [];
      for (let i = 0; i <= RUNS; i++) {
        const begin = now(), commands = spin.encode(groups, 1);
        encoded.push(now() - begin);
        const submitted = now();
        queue.submit([commands]);
        await this.#settled();
        taken.push(now() - submitted - this.#wait);
      }
      const each = (times: number[]) => 1000 * Math.max(0, median(times.slice(1))) / DISPATCHES;
      if (kind === "apart") this.note("encoding a dispatch", each(encoded), "µs");
      this.note(`running a dispatch, ${kind}`, each(taken), "µs");
    }
    const begin = now();
    for (let i = 0; i < SUBMISSIONS; i++) queue.submit([spin.encode([apart[0]], 1)]);
    this.note("a submission, on the host", 1000 * (now() - begin) / SUBMISSIONS, "µs");
    await this.#settled();
    for (const buffer of buffers) buffer.destroy();
  }

  /** To the GPU, on it, and back. */
  async copying(): Promise<void> {
    const { gpu } = this, { device } = gpu, { queue } = device;
    for (const bytes of UPLOADS) {
      const to = storage(gpu, bytes), data = new Uint8Array(bytes).fill(1);
      const count = Math.max(3, Math.min(200, Math.floor(MAX_UPLOADED / bytes)));
      queue.writeBuffer(to, 0, data);
      queue.submit([]);
      await this.#settled();
      const begin = now();
      for (let i = 0; i < count; i++) queue.writeBuffer(to, 0, data);
      queue.submit([]);
      const written = now();
      await this.#settled();
      const seconds = Math.max(now() - begin - this.#wait, written - begin) / 1000;
      this.note(`uploading ${sizeOf(bytes)}, on the host`, 1000 * (written - begin) / count, "µs");
      this.note(`uploading ${sizeOf(bytes)} again and again`, count * bytes / 1e9 / seconds, "GB/s");
      to.destroy();
    }
    for (const bytes of READS) {
      const from = storage(gpu, bytes), times: number[] = [];
      for (let i = 0; i < RUNS; i++) {
        const begin = now();
        const to = device.createBuffer({
          size: bytes,
          usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        });
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
        queue.submit([encoder.finish()]);
        await to.mapAsync(GPUMapMode.READ);
        to.getMappedRange();
        times.push(now() - begin);
        to.destroy();
      }
      this.note(`reading ${sizeOf(bytes)} back`, median(times), "ms");
      from.destroy();
    }
  }
}

function sizeOf(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes / 1024} KiB` : `${bytes / 2 ** 20} MiB`;
}

if (import.meta.main) {
  using gpu = await openGpu();
  const facts = factsOf(gpu);
  console.log(JSON.stringify(facts));
  if (Deno.args[0]) {
    const report: AdapterReport = { ...facts, costs: {} };
    const costs = new Costs(gpu, (what, value, unit) => report.costs[`${what}, ${unit}`] = value);
    for (const measure of ["waiting", "launching", "copying"] as const) {
      await costs[measure]();
      await writeJson(Deno.args[0], report);
    }
  }
}
