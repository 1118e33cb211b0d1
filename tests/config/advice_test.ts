import { assertEquals } from "../assert.ts";
import { MachineError, type MachineProblem } from "../../src/base/errors.ts";
import { messageWithAdvice } from "../../src/config/advice.ts";

Deno.test("messageWithAdvice() names the options that avoid a problem, and adds nothing without one", () => {
  const advice: Record<MachineProblem, string> = {
    batch: "Lower --batch, --size, --hidden or --projection.",
    size: "Lower --size, --decode-size, --hidden or --projection.",
    memory: "Lower --batch or --size, add --recompute always, or choose a smaller --backbone.",
    kernels: "Use --kernels default, or --kernels blocked.",
    precision: "Use --precision f32, or a driver with the feature shader-f16.",
    lost: "Checkpoints are intact: continue with --resume.",
  };
  for (const [problem, text] of Object.entries(advice)) {
    const error = (message: string) => new MachineError(message, { problem: problem as MachineProblem });
    assertEquals(messageWithAdvice(error("It is too large")), `It is too large. ${text}`);
    assertEquals(messageWithAdvice(error("It is too large.")), `It is too large. ${text}`);
  }
  assertEquals(messageWithAdvice(new MachineError("No adapter")), "No adapter");
});
