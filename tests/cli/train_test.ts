/** The process of train.ts. */
import { join } from "node:path";
import { assert } from "../assert.ts";
import { inFolder, tiny } from "../run/tiny_runs.ts";
import { argumentsOf, trainWith } from "../run/whole_runs.ts";

Deno.test("train.ts exits with 1 for the user's input and with 2 for the machine", async () => {
  await inFolder(async (folder) => {
    const run = async (env: Record<string, string>, ...more: string[]) => {
      const args = [...argumentsOf({ ...tiny, out: join(folder, "run") }), ...more];
      const { code, stderr } = await trainWith({ args, env }).output();
      return { code, said: new TextDecoder().decode(stderr) };
    };
    const unknown = await run({}, "--bach", "3");
    assert(unknown.code === 1 && /--batch/.test(unknown.said), unknown.said);
    const missing = await run({}, "--data", join(folder, "none"));
    assert(missing.code === 1 && /no such file/.test(missing.said), missing.said);
    const noAdapter = await run({
      DENO_WEBGPU_BACKEND: "vulkan",
      VK_DRIVER_FILES: "/dev/null",
      VK_ICD_FILENAMES: "/dev/null",
    });
    assert(noAdapter.code === 2 && /no WebGPU adapter/.test(noAdapter.said), noAdapter.said);
  });
});
