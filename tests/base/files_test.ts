import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { assertEquals } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

Deno.test("exists() finds files and folders", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(join(folder.path, "file"), "");
  assertEquals(await exists(folder.path), true);
  assertEquals(await exists(join(folder.path, "file")), true);
  assertEquals(await exists(join(folder.path, "missing")), false);
});
