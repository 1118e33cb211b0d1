/** The command lines of watch and report. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { parseReportOptions, parseWatchOptions } from "../../src/cli/report_options.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { writeRun } from "../report/written_run.ts";

Deno.test("watch and report take folders without an option, and say what is missing or out of range", async () => {
  assertEquals({ ...parseWatchOptions(["a", "b c", "--port", "0"]) }, { folders: ["a", "b c"], port: 0 });
  assertEquals({ ...parseReportOptions(["a"]) }, { folders: ["a"] });
  for (const parse of [parseWatchOptions, parseReportOptions]) {
    await assertThrows(
      () => parse([]),
      UserError,
      /^Cannot read the command line: missing required argument 'DIR'/,
    );
    await assertThrows(() => parse(["a", "--prot", "1"]), UserError, /unknown option '--prot'/);
  }
  await assertThrows(
    () => parseWatchOptions(["a", "--port", "65536"]),
    UserError,
    /a whole number from 0 to 65535/,
  );
});

const root = new URL("../../", import.meta.url);

Deno.test("report writes the page of a run with the permissions that it has, and refuses other folders", async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "a run"), page = join(out, "report.html");
  await writeRun(out);
  const written = await Deno.readFile(page);
  await Deno.remove(page);
  const run = async (...folders: string[]) => {
    const args = [
      "run",
      "-q",
      "--no-check",
      "--no-prompt",
      "-P=report",
      `--allow-write=${out}`,
      "src/cli/report.ts",
    ];
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args, ...folders],
      cwd: root,
      env: { INIT_CWD: folder.path },
    });
    const { code, stdout, stderr } = await command.output(),
      text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), err: text(stderr) };
  };
  assertEquals(await run("a run"), { code: 0, out: `Written: ${page}\n`, err: "" });
  assertEquals(await Deno.readFile(page), written);
  await Deno.remove(join(out, "config.json"));
  const refused = await run("a run");
  assertEquals(refused.code, 1);
  assert(refused.err.startsWith(`error: Cannot show "${out}": it holds no run`), refused.err);
});

Deno.test("watch serves until it is interrupted", async () => {
  await using folder = await temporaryFolder();
  await writeRun(folder.path);
  const args = [
    "run",
    "-q",
    "--no-check",
    "--no-prompt",
    "-P=watch",
    "src/cli/watch.ts",
    folder.path,
    "--port",
    "0",
  ];
  const child = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped", stderr: "piped" })
    .spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = (await reader.read()).value ?? "", url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
  assert(line.startsWith("1 run at http://127.0.0.1:") && url, line);
  assert((await (await fetch(url)).text()).startsWith("<!doctype html>"));
  child.kill("SIGINT");
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await child.stderr.cancel();
});
