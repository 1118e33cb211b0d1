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
  globals: Record<string, { prototype: Record<string, unknown> }>;
}

/** What Dawn's promises are made by. */
const ASYNCHRONOUS: Record<string, string[]> = {
  GPU: ["requestAdapter"],
  GPUAdapter: ["requestDevice"],
  GPUBuffer: ["mapAsync"],
  GPUDevice: ["popErrorScope", "createComputePipelineAsync"],
  GPUQueue: ["onSubmittedWorkDone"],
  GPUShaderModule: ["getCompilationInfo"],
};

/** Puts Dawn at `navigator.gpu`, and its classes and constants where those of Deno are. */
export async function installDawn(options: string[] = []): Promise<void> {
  const { create, globals }: Package = await import(PACKAGE);
  for (const [name, methods] of Object.entries(ASYNCHRONOUS)) {
    for (const method of methods) keepAlive(globals[name].prototype, method);
  }
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, "gpu", { value: create(options), configurable: true });
}

/** Deno ends, or says that a promise never resolves, if nothing but Dawn is at work. A timer keeps it waiting. */
function keepAlive(prototype: Record<string, unknown>, method: string): void {
  const original = prototype[method] as (...args: unknown[]) => Promise<unknown>;
  prototype[method] = function (...args: unknown[]) {
    const timer = setInterval(() => {}, 1000);
    return original.apply(this, args).finally(() => clearInterval(timer));
  };
}
