/** Signals that end a process. */
import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointNames, checkpointOf, digestOf, inFolder, tiny } from "../run/tiny_runs.ts";
import { argumentsOf, kill, trainWith } from "../run/whole_runs.ts";

const options = { ...tiny, holdout: 0, checkpointEvery: 1000, logEvery: 1 } as const;

/** The output of `child` until it matches, or to its end. */
function outputOf(child: Deno.ChildProcess): (until: RegExp) => Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async (until) => {
    for (let done: boolean | undefined, value: string | undefined; !until.test(text);) {
      ({ done, value } = await reader.read());
      if (done) return text;
      text += value;
    }
    return text;
  };
}

const FIRST_STEP = /^step \d/m, END = /(?!)/;

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
for (const [signal, code] of Object.entries(codes)) {
  Deno.test(
    `train.ts finishes its step at ${signal}, writes a checkpoint and exits with ${code}`,
    onGpu,
    async () => {
      await inFolder(async (folder) => {
        const out = join(folder, "run"), args = argumentsOf({ ...options, steps: 4000, out });
        const child = trainWith({ args });
        const output = outputOf(child);
        await output(FIRST_STEP);
        kill(child, signal as Deno.Signal);
        await output(/finishing the current step and saving it/);
        // Service managers and terminals send more than one of them; Ctrl-C twice stops at once.
        if (signal !== "SIGINT") kill(child, "SIGHUP");
        const text = await output(END);
        assertEquals([(await child.status).code, await child.stderr.cancel()], [code, undefined]);
        const [, step] = /Stopped after step (\d+) of 4000\. To continue: add --resume --out /.exec(text) ??
          [];
        assertEquals(checkpointNames(out), [`step-${step.padStart(6, "0")}.safetensors`]);
      });
    },
  );
}

Deno.test("a run that SIGTERM ended continues to the files of an uninterrupted one", onGpu, async () => {
  await inFolder(async (folder) => {
    const [whole, stopped] = ["whole", "stopped"].map((name) => join(folder, name));
    const args = (out: string) => argumentsOf({ ...options, steps: 100, out });
    assert((await trainWith({ args: args(whole) }).output()).success);
    const child = trainWith({ args: args(stopped) });
    const output = outputOf(child);
    await output(FIRST_STEP);
    kill(child, "SIGTERM");
    await output(END);
    await child.stderr.cancel();
    assertEquals((await child.status).code, 143);
    const { success } = await trainWith({ args: ["--resume", "--out", stopped] }).output();
    assert(success);
    assertEquals(await digestOf(checkpointOf(stopped, 100)), await digestOf(checkpointOf(whole, 100)));
  });
});

Deno.test("train.ts outlives its terminal under nohup", onGpu, async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "run"), program = new URL("../../train.ts", import.meta.url).pathname;
    const child = new Deno.Command("nohup", {
      args: [
        Deno.execPath(),
        "run",
        "-A",
        "--no-check",
        program,
        ...argumentsOf({ ...options, steps: 40, out }),
      ],
      stdout: "piped",
      stderr: "null",
      stdin: "null",
    }).spawn();
    const output = outputOf(child);
    await output(FIRST_STEP);
    kill(child, "SIGHUP");
    await output(END);
    assertEquals((await child.status).code, 0);
    assert(checkpointNames(out).includes("step-000040.safetensors"));
  });
});
