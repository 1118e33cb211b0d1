/**
 * Whether the suite ends as it should: `deno task test:exits [runs]`, 60 runs by default, of eight files that each open
 * a device, in parallel. A driver that is torn down while its threads end makes one in some ten abort, after all tests
 * have passed.
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

// As where nobody named the backends, whatever this process was told.
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
