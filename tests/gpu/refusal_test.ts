import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, sharedGpu } from "./shared.ts";
import { MachineError } from "../../src/base/errors.ts";
import { refusalOf } from "../../src/gpu/refusal.ts";

Deno.test("refusalOf() returns the device's error, which does not end the run", onGpu, async () => {
  const gpu = await sharedGpu(), { device } = gpu;
  const reason = await refusalOf(gpu, () => {
    device.createShaderModule({ code: "fn main() { let x: nonsense = 1; }" });
  });
  assert(reason !== null && /nonsense/.test(reason), `${reason}`);
  assertEquals(await refusalOf(gpu, () => void device.createShaderModule({ code: "fn f() {}" })), null);
  gpu.check();
});

Deno.test(
  "refusalOf() returns machine errors and rethrows others",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    const failing = (error: Error) => () => {
      throw error;
    };
    assertEquals(await refusalOf(gpu, failing(new MachineError("too large"))), "too large");
    await assertThrows(() => refusalOf(gpu, failing(new TypeError("a mistake"))), TypeError, /a mistake/);
    // No scope is left open.
    assertEquals(await gpu.device.popErrorScope().catch(() => "none"), "none");
  },
);
