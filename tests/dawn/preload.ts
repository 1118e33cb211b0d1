/**
 * Given to Deno as `--preload`: what runs then is on Dawn, and so are the processes that it starts with `deno run -A`. Those
 * that have fewer permissions stay on Deno's WebGPU, as Dawn is a native library.
 */
import { installDawn } from "./dawn.ts";

await installDawn();

const { Command } = Deno;
const lock = Deno.env.get("DAWN_LOCK");

Deno.Command = class extends Command {
  constructor(program: string | URL, options?: Deno.CommandOptions) {
    const [first, ...args] = options?.args ?? [];
    const onDawn = program === Deno.execPath() && first === "run" && args.includes("-A")
      ? [
        first,
        `--preload=${import.meta.url}`,
        ...args.includes("--no-lock") ? [] : [`--lock=${lock}`],
        ...args,
      ]
      : options?.args;
    super(program, { ...options, args: onDawn });
  }
};
