import { CollapseError, exitCode, MachineError, UserError, withAdvice } from "../../src/base/errors.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("exitCode() is 1 for the user, 2 for the machine and bugs, 3 for a collapse", () => {
  const errors = [new UserError(), new MachineError(), new TypeError(), "text", new CollapseError()];
  assertEquals(errors.map(exitCode), [1, 2, 2, 2, 3]);
});

Deno.test("withAdvice() completes a MachineError and returns other errors as they are", () => {
  const cause = new MachineError("The GPU was lost"), error = withAdvice(cause, "Resume the run.");
  assert(error instanceof MachineError && error.cause === cause);
  assertEquals(error.message, "The GPU was lost. Resume the run.");
  const mistake = new TypeError("no");
  assert(withAdvice(mistake, "Try again.") === mistake);
});
