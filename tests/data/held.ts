/** What this process holds of the system, as Linux tells it. */

/** Counts of what is held. */
export interface Held {
  /** Open files, sockets and the like. */
  files: number;
  /** Threads of Workers. */
  workers: number;
  /** All threads; idle ones of the runtime stay for some ten seconds. */
  threads: number;
}

/** Whether the system tells. */
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

/** What is held now. */
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
 * Waits until no more of `what` is held than `before`, as threads end some time after they are told to, or until so many
 * milliseconds have passed. Tells what is held then.
 */
export async function heldAfter(
  before: Held,
  { what, patience }: { what: readonly (keyof Held)[]; patience: number },
): Promise<Held> {
  const end = performance.now() + patience;
  for (;;) {
    const now = held();
    if (what.every((kind) => now[kind] <= before[kind]) || performance.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
