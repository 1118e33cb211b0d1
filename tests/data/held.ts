/** The open files and threads of this process, as Linux reports them. */

/** Counts of open resources. */
export interface Held {
  /** Open files, sockets and the like. */
  files: number;
  /** Threads of Workers. */
  workers: number;
  /** All threads. Idle threads of the runtime end after some ten seconds. */
  threads: number;
}

/** Whether the system reports them. */
export const isTold = Deno.build.os === "linux";

/** The open files whose paths begin with `folder`. */
export function openIn(folder: string): string[] {
  return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // closed meanwhile
    }
  }).filter((path) => path.startsWith(folder));
}

/** The current counts. */
export function held(): Held {
  const files = [...Deno.readDirSync("/proc/self/fd")].length;
  const threads = Array.from(Deno.readDirSync("/proc/self/task"), ({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${name}/comm`);
    } catch {
      return null; // gone meanwhile
    }
  }).filter((name) => name !== null);
  return {
    files,
    workers: threads.filter((name) => /^worker-\d/.test(name)).length,
    threads: threads.length,
  };
}

/**
 * Waits until the counts of `what` are no higher than `before`, as threads end some time after they are told to, or until
 * `timeoutMs` has passed. Returns the counts then.
 */
export async function heldAfter(
  before: Held,
  { what, timeoutMs }: { what: readonly (keyof Held)[]; timeoutMs: number },
): Promise<Held> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const now = held();
    if (what.every((kind) => now[kind] <= before[kind]) || performance.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
