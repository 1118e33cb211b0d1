import { onAbort } from "../../src/base/on_abort.ts";
import { assertEquals } from "../assert.ts";

Deno.test("onAbort() acts once at the abort, at once if that was before, and not after disposal", () => {
  const controller = new AbortController(), acts: string[] = [];
  {
    using _ = onAbort(controller.signal, () => acts.push("disposed"));
  }
  using _ = onAbort(controller.signal, () => acts.push("listening"));
  assertEquals(acts, []);
  controller.abort();
  assertEquals(acts, ["listening"]);
  onAbort(controller.signal, () => acts.push("late"));
  onAbort(undefined, () => acts.push("never"));
  assertEquals(acts, ["listening", "late"]);
});
