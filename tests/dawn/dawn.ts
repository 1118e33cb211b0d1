/**
 * Dawn, the WebGPU of Chrome, in place of Deno's own. Its package has 132 MB and is for development only: it is named here
 * rather than imported, so that only what asks for Dawn installs it, and has a lock file of its own.
 *
 * @module
 */
const PACKAGE = "npm:webgpu@0.6.2";

/** The part of the package that is used. */
interface Package {
  /** Options such as "backend=null", a device that compiles but does not compute. */
  create(options: string[]): GPU;
  /** WebGPU's classes and constants by name. */
  globals: Record<string, unknown>;
}

/** Dawn rounds the GPU's clock to 0.1 ms, which most kernels do not take, unless told not to. */
const EXACT_CLOCK = "disable-dawn-features=timestamp_quantization";
/** How often Dawn looks whether the GPU is done, in ms. */
const POLL_MS = 1;

/** Puts Dawn at `navigator.gpu`, and its classes and constants where those of Deno are. */
export async function installDawn(options: string[] = []): Promise<void> {
  const { create, globals }: Package = await import(PACKAGE);
  pollByTimer();
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, "gpu", { value: create([EXACT_CLOCK, ...options]), configurable: true });
}

/**
 * While something is awaited, Dawn polls by setImmediate. That would keep a core busy which the drivers here compute on, and
 * Deno does not wait for it as it waits for a timer.
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
  // Dawn aborts the process if what nobody waited for is still open as a test file ends.
  globalThis.addEventListener("unload", () => {
    while (due.size > 0) due.forEach((poll) => poll());
  });
}
