/**
 * Signals that end a process: the first ends the work in order, the second ends the process.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { outliveTerminal } from "./lost_terminal.ts";

/** Ctrl-C; `kill`, `docker stop`; the end of the terminal; a scheduler's warning of its time limit, which MPI passes on. */
const NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGUSR2: 12 } as const;
type Ending = keyof typeof NUMBERS;

/** The end of a terminal comes twice, from the system and from the shell; service managers send SIGTERM and SIGHUP. */
const TOGETHER_MS = 1000;

/** Work that signals may end. */
export interface Interruption {
  /** Aborted by the first of them. */
  signal: AbortSignal;
  /** The exit code of a process that this one ended: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP, 140 for SIGUSR2. */
  readonly exitCode: number;
}

/** Listens to the signals that end a process. The first prints `message` by `print`. */
export function interruption(message: string, print: (line: string) => void = console.log): Interruption {
  outliveTerminal();
  const interrupt = new AbortController();
  let first: Ending = "SIGINT", at = 0;
  const names = Object.keys(NUMBERS) as Ending[], ignoresHangUp = hangUpIsIgnored();
  for (const name of Deno.build.os === "windows" ? ["SIGINT"] as const : names) {
    Deno.addSignalListener(name, () => {
      // A listener is needed for that: Deno has its own handler once there is any.
      if (name === "SIGHUP" && ignoresHangUp) return;
      if (interrupt.signal.aborted) {
        if (name !== "SIGINT" && performance.now() - at < TOGETHER_MS) return;
        Deno.exit(codeOf(name));
      }
      [first, at] = [name, performance.now()];
      interrupt.abort();
      const what = name === "SIGINT" ? "Interrupted" : `Ended by ${name}`;
      print(`${what}: ${message}${name === "SIGINT" ? " Interrupt again to stop at once." : ""}`);
    });
  }
  return {
    signal: interrupt.signal,
    get exitCode() {
      return codeOf(first);
    },
  };
}

const codeOf = (name: Ending) => 128 + NUMBERS[name];

/** Whether SIGHUP was ignored as the process started, as by nohup; `./run` finds that out for a process that may not. */
function hangUpIsIgnored(): boolean {
  if (environmentVariable("BYOL_NOHUP")) return true;
  try {
    const ignored = /^SigIgn:\s*([\da-f]+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
    return (BigInt(`0x${ignored}`) & 1n) === 1n;
  } catch {
    return false; // Deno opens it only with --allow-all, and not every system has it
  }
}
