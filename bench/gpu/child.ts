/**
 * Child processes that may take so long and no longer.
 *
 * @module
 */

/** How a child is run. */
export interface ChildOptions {
  args: readonly string[];
  /** It is told to end after so many seconds, and killed {@linkcode GRACE_SECONDS} later. */
  seconds: number;
  /** Sends SIGINT after so many seconds, upon which train.ts writes a checkpoint. */
  interruptAfter?: number;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Gives it a process group, which ends with it: whatever it started and left behind is killed. */
  ownGroup?: boolean;
  /** Hears what it prints, as it prints it. */
  sink?: (chunk: Uint8Array) => void;
  /** Ends it early. */
  signal?: AbortSignal;
}

/** How a child ended. */
export interface Ended {
  /** Its exit code; {@linkcode NOT_FOUND} where there is no such program. */
  code: number;
  timedOut: boolean;
  /** What it printed, standard error included. */
  output: string;
}

/** The exit codes by which shells tell that time is over and that there is no such program. */
export const TIMED_OUT = 124, NOT_FOUND = 127;

const GRACE_SECONDS = 5;
/** With less time than this nothing is begun. */
const LEAST_SECONDS = 3;
/** An orphan may hold the pipe open, for which nobody waits longer. */
const DRAIN_MS = 2000;

/** Runs `program` until it ends or its time is over. Does not throw. */
export async function runLimited(program: string, options: ChildOptions): Promise<Ended> {
  const { args, seconds, interruptAfter, env, ownGroup = false, sink, signal } = options;
  if (seconds < LEAST_SECONDS) {
    return { code: TIMED_OUT, timedOut: true, output: `no time left for ${program} ${args.join(" ")}\n` };
  }
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      env,
      detached: ownGroup,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return { code: NOT_FOUND, timedOut: false, output: `${(error as Error).message}\n` };
  }
  const send = (name: Deno.Signal) => {
    try {
      if (ownGroup) Deno.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // It has ended in the meantime.
    }
  };
  let timedOut = false;
  const after = (time: number, act: () => void) => setTimeout(act, 1000 * time);
  const timers = [
    after(seconds, () => {
      timedOut = true;
      send("SIGTERM");
    }),
    after(seconds + GRACE_SECONDS, () => send("SIGKILL")),
  ];
  if (interruptAfter !== undefined) timers.push(after(interruptAfter, () => send("SIGINT")));
  const abort = () => send("SIGKILL");
  signal?.addEventListener("abort", abort);

  const outputs = [child.stdout, child.stderr].map((stream) => collect(stream, sink));
  const { code } = await child.status;
  timers.forEach(clearTimeout);
  signal?.removeEventListener("abort", abort);
  if (ownGroup) send("SIGKILL");
  return { code: timedOut ? TIMED_OUT : code, timedOut, output: await drained(outputs) };
}

interface Collected {
  text: string;
  done: Promise<void>;
  cancel(): void;
}

/** Reads `stream` to its end. */
function collect(stream: ReadableStream<Uint8Array>, sink?: (chunk: Uint8Array) => void): Collected {
  const reader = stream.getReader(), decoder = new TextDecoder();
  const collected: Collected = { text: "", done: read(), cancel: () => void reader.cancel().catch(() => {}) };
  return collected;

  async function read() {
    await null;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      collected.text += decoder.decode(next.value, { stream: true });
      sink?.(next.value);
    }
  }
}

async function drained(outputs: readonly Collected[]): Promise<string> {
  const late = Promise.withResolvers<void>(), timer = setTimeout(late.resolve, DRAIN_MS);
  await Promise.race([Promise.all(outputs.map(({ done }) => done)), late.promise]);
  clearTimeout(timer);
  for (const output of outputs) output.cancel();
  return outputs.map(({ text }) => text).join("");
}
