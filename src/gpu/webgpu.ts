/**
 * The implementation of WebGPU: Deno's own, wgpu, or Dawn, that of Chrome. A process computes on one of them.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { UserError } from "../base/errors.ts";
import { DAWN_VERSION, openDawn } from "./dawn.ts";

/** The name of an implementation. */
export type Implementation = "deno" | "dawn";
/** All of them. */
export const implementations: readonly Implementation[] = ["deno", "dawn"];

/** The variable that names one where no option does. */
const VARIABLE = "BYOL_WEBGPU";

let chosen: Implementation | undefined, checked = true;

/**
 * Makes this process compute on Deno's own WebGPU or on Dawn, whatever BYOL_WEBGPU names. It holds for GPUs that are opened
 * from now on. Dawn is loaded with the first of them: 132 MB from npm the first time, with the permission `--allow-ffi`.
 *
 * @param options `unsafeShaders`: let Dawn compile kernels without bounds checks. A wrong index then reads or writes memory of
 * others. Default: false.
 * @throws {UserError} if Deno's own WebGPU is to do without bounds checks: it cannot.
 *
 * @example
 * ```ts
 * import { useWebGpu } from "./webgpu.ts";
 *
 * useWebGpu("deno");
 * ```
 */
export function useWebGpu(
  name: Implementation,
  { unsafeShaders = false }: { unsafeShaders?: boolean } = {},
): void {
  if (unsafeShaders && name !== "dawn") {
    throw new UserError(
      "Cannot use --unsafe-shaders: Deno's own WebGPU always checks bounds. Add --webgpu dawn, or leave it out.",
    );
  }
  chosen = name;
  checked = !unsafeShaders;
}

/**
 * The implementation that this process computes on.
 *
 * @throws {UserError} if BYOL_WEBGPU names none.
 */
export function implementation(): Implementation {
  const named = chosen ?? (environmentVariable(VARIABLE) || "deno"),
    known: readonly string[] = implementations;
  if (known.includes(named)) return named as Implementation;
  throw new UserError(`Cannot use ${VARIABLE}=${named}: it must be ${implementations.join(" or ")}.`);
}

/** Its entry point; undefined where Deno has none. */
export async function entryPoint(): Promise<GPU | undefined> {
  return implementation() === "dawn" ? await openDawn({ checked }) : navigator.gpu;
}

/** Its version: what a kernel's speed and its bits depend on, besides the driver. */
export function implementationVersion(): string {
  if (implementation() === "deno") return Deno.version.deno;
  return `Dawn ${DAWN_VERSION}${checked ? "" : ", no bounds checks"}`;
}

/** How the adapter's driver is named with it: Deno's own WebGPU goes without saying. */
export function implementationNote(): string {
  if (implementation() === "deno") return "";
  return checked ? ", Dawn" : ", Dawn without bounds checks";
}
