import { MachineError, UserError } from "../../src/base/errors.ts";
import { fileError } from "../../src/io/file_error.ts";
import { assert, assertEquals } from "../assert.ts";

const refusal = (code: string) => Object.assign(new Error(`text of ${code}`), { code });

for (const code of ["ENOSPC", "EROFS", "EACCES", "EPERM", "EDQUOT", "EIO", "EMFILE"]) {
  Deno.test(`fileError answers ${code} as the machine's`, () => {
    const cause = refusal(code);
    const error = fileError("runs/a", cause);
    assert(error instanceof MachineError);
    assert(
      /^Cannot write runs\/a as .* must .*: text of E\w+\. .*untouched\.$/.test(error.message),
      error.message,
    );
    assert(error.cause === cause);
  });
}

Deno.test("fileError answers a missing folder as the user's, and leaves our own mistakes alone", () => {
  assert(fileError("a", refusal("ENOENT")) instanceof UserError);
  const mistake = new TypeError("not a chunk");
  assertEquals(fileError("a", mistake) === mistake, true);
});

Deno.test("a full disk is answered with what to do", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  // This device refuses every byte with ENOSPC.
  const error = fileError("/dev/full", await Deno.writeTextFile("/dev/full", "x").catch((error) => error));
  assert(error instanceof MachineError);
  assert(/must have room.*Free some space/.test(error.message), error.message);
});
