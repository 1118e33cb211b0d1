import { UserError } from "../../src/base/errors.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import type { KernelChoice, Variant } from "../../src/graph/kernel_choice.ts";
import { pinnedChooser } from "../../src/config/kernel_pin.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const variant: Variant = { record() {} };
const choice: KernelChoice = {
  name: "product",
  tensors: {},
  result: { name: "y", terms: 1, element: () => 0 },
  variants: { "tiled-8": variant, "blocked-4": variant },
};
const units = { units: [{ m: 8, n: 8, k: 8 }], subgroupSize: 8, workgroupMemory: 2 ** 15 };
const adapter = (subgroupSize: number, matrixUnits: Gpu["matrixUnits"] = null) =>
  ({ name: "an adapter", subgroupSize, matrixUnits }) as Gpu;

Deno.test("pinnedChooser() pins nothing for auto and default, and the first variant of a family", () => {
  const pin = (kernels: "auto" | "default" | "blocked") =>
    pinnedChooser(resolveOptions({ kernels }), adapter(32));
  assertEquals([pin("auto"), pin("default"), pin("blocked")?.(choice)], [undefined, undefined, "blocked-4"]);
});

Deno.test("pinnedChooser() refuses a family that the adapter cannot run", async () => {
  const options = resolveOptions({ kernels: "subgroup8" });
  pinnedChooser(options, adapter(8));
  for (
    const [gpu, found] of [[adapter(32), "an adapter: .* has 32"], [adapter(0), "various sizes"], [
      null,
      "an unknown adapter",
    ]] as const
  ) {
    await assertThrows(() => pinnedChooser(options, gpu), UserError, new RegExp(`subgroup8 on .*${found}`));
  }
});

Deno.test("pinnedChooser() refuses matrix where WebGPU knows no matrix units, and for float32", async () => {
  const options = resolveOptions({ kernels: "matrix", precision: "mixed" });
  pinnedChooser(options, adapter(8, units));
  for (const [gpu, name] of [[adapter(8), "an adapter"], [null, "an unknown adapter"]] as const) {
    await assertThrows(
      () => pinnedChooser(options, gpu),
      UserError,
      new RegExp(`^Cannot use --kernels matrix on ${name}: .*\\. Use --webgpu dawn, or auto, `),
    );
  }
  const unknown = adapter(8, { ...units, units: [{ m: 32, n: 8, k: 16 }] });
  await assertThrows(
    () => pinnedChooser(options, unknown),
    UserError,
    /on an adapter: there are no kernels for its matrix units, 32 × 8 × 16 \(.* of 8\. Use auto, default, /,
  );
  await assertThrows(
    () => pinnedChooser({ ...options, precision: "f32" }, adapter(8, units)),
    UserError,
    /^Cannot use --kernels matrix: .* Add --precision mixed\.$/,
  );
});
