/** `train.ts` on ranks: the files of one process, and refusals that are said once. */
import { assert, assertEquals } from "../assert.ts";
import { gradient, png, withFolder } from "../data/fixtures.ts";
import { environment, installed, launch } from "./launch.ts";
import { argumentsOf, assertSameRun, runAlone } from "./runs.ts";

Deno.test(
  "2 ranks write the files of one process, by each MPI",
  { ignore: installed.length === 0 },
  async () => {
    const folder = await Deno.makeTempDir(), env = { BYOL_CACHE: folder };
    try {
      const alone = await runAlone(argumentsOf(`${folder}/alone`, { steps: 2, accumulate: 2 }), env);
      assertEquals(alone.code, 0, alone.err);
      for (const mpi of installed) {
        const out = `${folder}/${mpi.name}`;
        const { code, out: printed, err } = await launch(mpi, {
          ranks: 2,
          args: argumentsOf(out, { steps: 2 }),
          env,
        });
        assertEquals(code, 0, err);
        await assertSameRun(out, `${folder}/alone`, mpi.name);
        // Only rank 0 speaks.
        assertEquals(printed.match(/^Training 2 steps of 8 images/gm)?.length, 1, printed);
        const { exchange_seconds, exchange_share, slowest_rank } = JSON.parse(
          (await Deno.readTextFile(`${out}/metrics.jsonl`)).trim().split("\n").at(-1)!,
        );
        assert(
          exchange_seconds > 0 && exchange_share > 0 && exchange_share < 1,
          `${exchange_seconds} ${exchange_share}`,
        );
        assert([0, 1].includes(slowest_rank), `${slowest_rank}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("ranks with other options are refused, once", { ignore: installed.length === 0 }, async () => {
  const folder = await Deno.makeTempDir();
  const [program, ...words] = installed[0].command(1),
    deno = [Deno.execPath(), "run", "-q", "-A", "--no-check"];
  const args = argumentsOf(`${folder}/out`);
  const rank = (more: string[]) => [...deno, ...args, ...more];
  const { code, stderr } = await new Deno.Command(program, {
    args: [...words, ...rank([]), ":", ...words.slice(-2), ...rank(["--lr", "0.5"])],
    env: environment,
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  const errors = text.split("\n").filter((line) => line.startsWith("error:"));
  assertEquals(errors, [
    `error: Cannot start: rank 1 (${Deno.hostname()}) has lr = 0.5, rank 0 has null. Start all processes with the same ` +
    "options and version.",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a wrong option of all ranks is refused, once", { ignore: installed.length === 0 }, async () => {
  const args = [...argumentsOf("nowhere"), "--batch", "1"];
  const { code, err } = await launch(installed[0], { ranks: 2, args });
  assertEquals(code, 1, err);
  const errors = err.split("\n").filter((line) => line.startsWith("error:"));
  assertEquals(errors.length, 1, err);
  assert(errors[0].includes('"--batch 1"'), err);
});

Deno.test("a bad image on one rank ends all, once", { ignore: installed.length === 0 }, async () => {
  const images = Array.from({ length: 20 }, (_, i) => [
    `${i}.png`,
    i === 7 ? Uint8Array.of(1, 2, 3) : png(gradient(8, 8, { seed: i })),
  ]);
  await withFolder(Object.fromEntries(images), async (data) => {
    const out = `${data}/run`, env = { BYOL_CACHE: data, BYOL_MPI_TIMEOUT: "20" };
    // Four batches of each rank in a step: the image is found while an exchange goes on.
    const tiny = argumentsOf(out, { accumulate: 8 }).map((word) => word === "shapes:40" ? data : word);
    const args = [...tiny, ..."--holdout 0 --batch 2 --backbone resnet8".split(" ")];
    const { code, err } = await launch(installed[0], { ranks: 2, args, env });
    assertEquals(code, 1, err);
    const errors = err.split("\n").filter((line) => line.startsWith("error:"));
    assertEquals(errors.length, 1, err);
    assert(errors[0].includes('Cannot use image "7.png": it is a truncated file'), err);
  });
});
