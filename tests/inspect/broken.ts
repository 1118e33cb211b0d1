/** A GPU on which one kernel is wrong. */
import type { Gpu } from "../../src/gpu/device.ts";

/** `gpu` with the code of the kernel `name` changed by `change`. */
export function withBrokenKernel(
  gpu: Gpu,
  { name, change }: { name: string; change: (code: string) => string },
): Gpu {
  const device = new Proxy(gpu.device, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "createShaderModule") return value.bind(target);
      return ({ label, code }: GPUShaderModuleDescriptor) => {
        if (label !== name) return target.createShaderModule({ label, code });
        const broken = change(code);
        if (broken === code) throw new TypeError(`${name} is not changed`);
        return target.createShaderModule({ label, code: broken });
      };
    },
  });
  return { ...gpu, device, pipelines: new Map() };
}

/** Makes a kernel do nothing at all. */
export function idle(code: string): string {
  return code.replace(/(fn main\([^{]*\{)/, "$1 if (1 < 2) { return; }");
}
