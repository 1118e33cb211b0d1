/**
 * Checks that test processes exit cleanly: `deno task test:exits [runs]` runs eight files in parallel, each of which opens a
 * device, by default 60 times. A driver that is torn down while its threads end aborts about one run in ten, after all
 * tests have passed.
 *
 * @module
 */
import { join } from "node:path";

const FILES = 8;

const shared = new URL("./gpu/shared.ts", import.meta.url),
  memory = new URL("../src/gpu/memory.ts", import.meta.url);
const text = `
import { onGpu, sharedGpu } from "${shared}";
import { Memory } from "${memory}";

Deno.test("a store is read back", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  const store = { name: "store", category: "input", bytes: 1024 } as const;
  memory.write(store, new Float32Array(256).fill(2));
  const [first] = await memory.read({ store, offset: 0, bytes: 4 });
  if (first !== 2) throw new Error("2 was written, read was " + first);
});
`;

const folder = await Deno.makeTempDir();
const files = Array.from({ length: FILES }, (_, i) => join(folder, `device_${i}_test.ts`));
for (const file of files) await Deno.writeTextFile(file, text);

// Without the variable, as on a machine where no backend is set.
const { DENO_WEBGPU_BACKEND: _, ...env } = Deno.env.toObject();
const runs = Number(Deno.args[0] ?? 60), counts = new Map<number, number>();
for (let run = 0; run < runs; run++) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-q", "-P=test", "--no-check", "--parallel", ...files],
    cwd: new URL("../", import.meta.url),
    clearEnv: true,
    env,
  }).output();
  counts.set(code, (counts.get(code) ?? 0) + 1);
  if (code !== 0) console.log(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}
await Deno.remove(folder, { recursive: true });
console.log([...counts].map(([code, count]) => `exit code ${code}: ${count} of ${runs} runs`).join("\n"));
Deno.exit(counts.get(0) === runs ? 0 : 1);
