/**
 * Dawn for a process of the tests: also at `navigator.gpu`, for code that asks for it there.
 *
 * @module
 */
import { type DawnOptions, openDawn } from "../../src/gpu/dawn.ts";
import { useWebGpu } from "../../src/gpu/webgpu.ts";

/** Makes this process compute on Dawn, with these options of its. */
export async function installDawn(options?: DawnOptions): Promise<void> {
  useWebGpu("dawn");
  Object.defineProperty(navigator, "gpu", { value: await openDawn(options), configurable: true });
}
