import { CollapseError, exitCode, MachineError, UserError } from "../../src/base/errors.ts";
import { assertEquals } from "../assert.ts";

Deno.test("exitCode() is 1 for the user, 2 for the machine and bugs, 3 for a collapse", () => {
  const errors = [new UserError(), new MachineError(), new TypeError(), "text", new CollapseError()];
  assertEquals(errors.map(exitCode), [1, 2, 2, 2, 3]);
});
