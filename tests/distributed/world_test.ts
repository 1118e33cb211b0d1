/** Ranks as processes, by each MPI that is installed. */
import { assert, assertEquals } from "../assert.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { OrderedSum } from "../../src/distributed/ordered_sum.ts";
import { worldOfOne } from "../../src/distributed/world.ts";
import { installed, launch, missing } from "./launch.ts";

const job = new URL("world_job.ts", import.meta.url).pathname;

for (const name of missing) {
  Deno.test(`${name} is not installed: its tests are skipped`, { ignore: true }, () => {});
}

/** The same numbers as in the job. */
function numbers(r: number, n: number): Float32Array {
  const random = keyedRandom(7, r);
  return Float32Array.from(
    { length: n },
    () => (random.uniform() - 0.5) * 10 ** Math.floor(8 * random.uniform()),
  );
}

for (const mpi of installed) {
  Deno.test(`${mpi.name}: 3 ranks sum in order, broadcast and agree`, async () => {
    const { code, out, err } = await launch(mpi, { ranks: 3, args: [job, "all"] });
    assertEquals(code, 0, err);
    const { total, alike, texts, first, agreement } = JSON.parse(out);
    const expected = new Float32Array(1003);
    for (let term = 0; term < 6; term++) numbers(term, 1003).forEach((value, i) => expected[i] += value);
    assertEquals(total, [...expected]);
    assertEquals(alike, 1);
    assertEquals(texts, ["rank 0:  1,2,3,4,5", "rank 1: é 1,2,3,4,5", "rank 2: éé 1,2,3,4,5"]);
    assertEquals(first, { is: "done", on: 0 });
    assertEquals(agreement, { stop: 130, slowest: { rank: 1, worked: 50 } });
  });

  Deno.test(`${mpi.name}: the event loop and Workers go on while ranks wait`, async () => {
    const { out } = await launch(mpi, { ranks: 2, args: [job, "wait"] });
    const { ticks, messages } = JSON.parse(out);
    // Of about 100 in the second that the other rank is late. A call that blocks leaves none.
    assert(ticks > 10 && messages > 10, out);
  });

  Deno.test(`${mpi.name}: a rank that hangs ends the job, which names it`, async () => {
    for (
      const [task, rank, fact] of [["hang", 1, "did not come to"], ["hangFirst", 0, "did not answer at"]]
    ) {
      const args = [job, `${task}`], env = { BYOL_MPI_TIMEOUT: "1" };
      const { code, err } = await launch(mpi, { ranks: 2, args, env });
      assert(code !== 0, `${code}`);
      const lines = err.split("\n").filter((line) => line.startsWith("Cannot go on"));
      assertEquals(lines.length, 1, err);
      assert(lines[0].includes(`rank ${rank} (${Deno.hostname()}) ${fact} step 3 within`), lines[0]);
    }
  });

  Deno.test(`${mpi.name}: the others hear why a rank leaves, and where ranks part`, async () => {
    const left = await launch(mpi, { ranks: 3, args: [job, "leave"] });
    assertEquals([left.code, JSON.parse(left.out)], [0, {
      rank: 2,
      failure: { message: "its disk is full", code: 2 },
    }]);
    const first = await launch(mpi, {
      ranks: 2,
      args: [job, "leaveFirst"],
      env: { BYOL_MPI_TIMEOUT: "10" },
    });
    assertEquals([first.code, first.err], [0, ""]);
    const { out } = await launch(mpi, { ranks: 2, args: [job, "stray"] });
    const { message } = JSON.parse(out);
    assertEquals(message, `Cannot go on: rank 1 (${Deno.hostname()}) is at step 4, rank 0 at step 3.`);
  });
}

Deno.test("the launcher of another MPI is refused", { ignore: installed.length < 2 }, async () => {
  // MPICH's launcher starts processes that load Open MPI's library, each of which would be a world of its own.
  const [, mpich] = installed, env = { PMIX_RANK: "0" };
  const { out, err } = await launch(mpich, { ranks: 2, args: [job, "all"], env });
  assert(`${out}${err}`.includes("the launcher started 2, but Open MPI"), `${out}${err}`);
});

Deno.test("without a launcher no library is opened, and no permission asked for", async () => {
  const url = new URL("../../src/distributed/open_world.ts", import.meta.url);
  const code = `import { openWorld } from "${url}"; console.log((await openWorld()).size);`;
  const args = ["run", "-q", "--no-check", "--no-prompt", `data:text/typescript,${encodeURIComponent(code)}`];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "1", new TextDecoder().decode(stderr));
});

Deno.test("OrderedSum in a world of one gives back its terms' sum", async () => {
  const sum = new OrderedSum(worldOfOne, 3), total = new Float32Array(3);
  await sum.add(Float32Array.of(1, 2, 3));
  await sum.add(Float32Array.of(10, 20, 30));
  await sum.take(total);
  assertEquals([...total], [11, 22, 33]);
});
