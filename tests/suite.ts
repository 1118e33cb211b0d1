/**
 * The whole suite: `deno task test`. Each test file is a process of its own, as tests set variables of the environment, change
 * folders and count open files. As many run at a time as there are cores, or as DENO_JOBS says: one alone leaves half of
 * two cores idle. With arguments, such as files or `--filter`, it is `deno test` with these.
 *
 * deno.json writes its option -P in full: a command with `-P=<its name>` is one that `./run` gives what its arguments name.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const root = fileURLToPath(new URL("../", import.meta.url));
const TEST = ["test", "-q", "-P", "--no-check"];
/** It compares times, which other tests would disturb. */
const ALONE = "tests/graph/tuner_test.ts";
/** Deno's last line, such as `ok | 12 passed (3 steps) | 0 failed | 1 ignored (45ms)`. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+ passed.*) \(\S.*\)$/gm;

/** The test files in a folder, by name. */
function testFiles(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testFiles(`${folder}/${name}`);
    return name.endsWith("_test.ts") ? [relative(root, `${folder}/${name}`)] : [];
  });
}

/** What the jobs did together. */
class Totals {
  readonly counts: Record<string, number> = { passed: 0, failed: 0 };
  readonly broken: string[] = [];

  /** Runs `deno test` with these arguments, prints what it says once it ends, and counts. */
  async run(args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...TEST, ...args],
      cwd: root,
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) =>
      stripVTControlCharacters(new TextDecoder().decode(bytes))
    );
    const said = out + err;
    console.log(said.replace(SUMMARY, "").trim());
    const summary = [...said.matchAll(SUMMARY)].at(-1)?.[1];
    for (
      const [, count, kind] of summary?.matchAll(/(\d+) (passed|failed|ignored|filtered out|measured)/g) ?? []
    ) {
      this.counts[kind] = (this.counts[kind] ?? 0) + Number(count);
    }
    if (!summary) this.counts.failed++; // it crashed, or does not load
    if (code !== 0 || !summary) this.broken.push(`${args.join(" ")} (exit code ${code})`);
  }
}

async function runAll(): Promise<boolean> {
  const start = performance.now(), totals = new Totals();
  const files = testFiles(`${root}tests`);
  await totals.run([ALONE]);
  const jobs = [
    ["--doc", "--ignore=tests,runs,.deno"], // the examples in the documentation
    ...files.filter((file) => file !== ALONE).map((file) => [file]),
  ].values();
  const lanes = Number(Deno.env.get("DENO_JOBS")) || navigator.hardwareConcurrency;
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (const job of jobs) await totals.run(job);
  }));

  for (const name of totals.broken) console.log(`FAILED: deno ${TEST.join(" ")} ${name}`);
  const ok = totals.broken.length === 0;
  const counts = Object.entries(totals.counts).map(([kind, count]) => `${count} ${kind}`).join(" | ");
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(`\n${ok ? "ok" : "FAILED"} | ${counts} (${Math.floor(seconds / 60)}m${seconds % 60}s)`);
  return ok;
}

if (Deno.args.length === 0) Deno.exit(await runAll() ? 0 : 1);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [...TEST, "--doc", ...Deno.args],
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).spawn().status;
Deno.exit(code);
