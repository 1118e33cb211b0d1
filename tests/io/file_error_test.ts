import { MachineError, UserError } from "../../src/base/errors.ts";
import { fileError } from "../../src/io/file_error.ts";
import { assert, assertEquals } from "../assert.ts";

const refusal = (code: string) => Object.assign(new Error(`text of ${code}`), { code });

for (const code of ["ENOSPC", "EROFS", "EACCES", "EPERM", "EDQUOT", "EIO", "EMFILE"]) {
  Deno.test(`fileError() makes ${code} a MachineError`, () => {
    const cause = refusal(code);
    const error = fileError("runs/a", cause);
    assert(error instanceof MachineError);
    assert(
      /^Cannot write "runs\/a": [a-z -]+ \(text of E\w+\)\. .*unchanged\.$/.test(error.message),
      error.message,
    );
    assert(error.cause === cause);
  });
}

Deno.test("fileError() makes a wrong path a UserError, and returns other errors as they are", () => {
  for (const code of ["ENOENT", "ENOTDIR", "EEXIST", "EISDIR"]) {
    assert(fileError("a", refusal(code)) instanceof UserError, code);
  }
  const mistake = new TypeError("not a chunk");
  assertEquals(fileError("a", mistake) === mistake, true);
});

Deno.test("fileError() says what to do about a full disk", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  // This device refuses every byte with ENOSPC.
  const error = fileError("/dev/full", await Deno.writeTextFile("/dev/full", "x").catch((error) => error));
  assert(error instanceof MachineError);
  assert(/the disk is full.*Free some space/.test(error.message), error.message);
});
