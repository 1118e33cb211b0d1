/**
 * Dawn, the WebGPU of Chrome: a native library in an npm package. The package has 132 MB, so it is named here rather than
 * imported: only who asks for Dawn installs it, and deno.lock does not have it, see src/gpu/dawn.lock.
 *
 * @module
 */
import { MachineError, messageOf } from "../base/errors.ts";

export const DAWN_VERSION = "0.6.2";
const PACKAGE = `npm:webgpu@${DAWN_VERSION}`;

/** The part of the package that is used. */
interface Package {
  create(options: string[]): GPU;
}

/** Dawn rounds the GPU's clock to 0.1 ms, which most kernels do not take, unless told not to. */
const EXACT_CLOCK = "disable-dawn-features=timestamp_quantization";
/** Dawn offers experimental features, among them matrix units, only so; bounds are checked all the same. */
const EXPERIMENTS = "allow_unsafe_apis";
/** How often Dawn looks whether the GPU is done, in ms. */
const POLL_MS = 1;

/** How Dawn is loaded. */
export interface DawnOptions {
  /** Whether kernels check bounds, as WebGPU requires. Default: true. */
  checked?: boolean;
  /** Whether it computes, by the system's driver, or only compiles. Default: true. */
  computes?: boolean;
}

let opened: Promise<GPU> | undefined;

/**
 * Dawn, in place of `navigator.gpu`. The first call loads it; later calls give the same, whatever their options.
 *
 * @throws {MachineError} if it cannot be loaded: without `--allow-ffi`, without network, on a system that it does not support.
 */
export function openDawn(options: DawnOptions = {}): Promise<GPU> {
  return opened ??= load(options);
}

async function load({ checked = true, computes = true }: DawnOptions): Promise<GPU> {
  // Deno's own message would not tell what asks for it.
  if ((await Deno.permissions.request({ name: "ffi" })).state !== "granted") {
    throw new MachineError(
      "Cannot load Dawn: it is a native library, and Deno was started without --allow-ffi. Use ./run, which grants it, or " +
        "compute on Deno's own WebGPU: --webgpu deno.",
    );
  }
  try {
    const { create }: Package = await import(PACKAGE);
    pollByTimer();
    return create([
      EXACT_CLOCK,
      `enable-dawn-features=${checked ? EXPERIMENTS : `${EXPERIMENTS},disable_robustness`}`,
      ...computes ? [] : ["backend=null"],
    ]);
  } catch (error) {
    throw new MachineError(
      `Cannot load Dawn from ${PACKAGE}: ${messageOf(error)}. Compute on Deno's own WebGPU: --webgpu deno.`,
    );
  }
}

/**
 * While something is awaited, Dawn polls by setImmediate. That would keep a core busy, on which a driver for the CPU computes,
 * and Deno does not wait for it as it waits for a timer.
 */
function pollByTimer(): void {
  const due = new Set<() => void>();
  globalThis.setImmediate = ((callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    const poll = () => {
      if (due.delete(poll)) callback(...args);
    };
    due.add(poll);
    return setTimeout(poll, POLL_MS);
  }) as unknown as typeof setImmediate;
  // Dawn aborts the process if what nobody waited for is still open as it ends.
  globalThis.addEventListener("unload", () => {
    while (due.size > 0) due.forEach((poll) => poll());
  });
}
