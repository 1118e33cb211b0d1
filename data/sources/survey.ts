/**
 * What opening a source found beside the images that it gives: nothing is passed over in silence.
 *
 * @module
 */

/** A part of a data set, by its usual name. */
export type SplitName = "train" | "validation" | "test";

/** The names that are kept; the others are only counted. */
export const MAX_NAMES = 1000;

/** Something that was found and is not used. */
export interface LeftOut {
  /** Its path or entry. */
  name: string;
  /** What it is, as it is counted: ".heic", "hard link", "label", "split test". */
  kind: string;
  /** Why it is not used; null where the kind says it. */
  reason: string | null;
}

/** How many things of one kind are left out for one reason. */
export interface LeftOutGroup extends Omit<LeftOut, "name"> {
  /** How many. */
  count: number;
}

/**
 * Counts what a source leaves out, and keeps the first {@linkcode MAX_NAMES} names. Sources fill it while they are opened;
 * those that are read as streams go on while they are read for the first time.
 */
export class Survey {
  readonly #groups = new Map<string, LeftOutGroup>();
  readonly #names: LeftOut[] = [];
  #count = 0;
  /** The split that is read, if the names of files or folders tell of splits. */
  split: SplitName | null = null;
  /** All splits that the names tell of, that one included. */
  readonly splits = new Set<SplitName>();

  /** Counts one thing as left out, or `count` of them that share a name. */
  leaveOut({ name, kind, reason = null, count = 1 }: {
    name: string;
    kind: string;
    reason?: string | null;
    count?: number;
  }): void {
    const key = JSON.stringify([kind, reason]), group = this.#groups.get(key);
    if (group) group.count += count;
    else this.#groups.set(key, { kind, reason, count });
    this.#count += count;
    if (this.#names.length < MAX_NAMES) this.#names.push({ name, kind, reason });
  }

  /** The number of things left out. */
  get count(): number {
    return this.#count;
  }

  /** The kinds and reasons, the most frequent first. */
  get groups(): LeftOutGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count);
  }

  /** The first names, in the order in which they were found. */
  get names(): readonly LeftOut[] {
    return this.#names;
  }

  /** Adds what another survey found, its names below `prefix`. */
  add(other: Survey, prefix: string): void {
    for (const { kind, reason, count } of other.groups) {
      const names = other.names.filter((each) => each.kind === kind && each.reason === reason);
      names.forEach(({ name }) => this.leaveOut({ name: `${prefix}/${name}`, kind, reason }));
      const rest = count - names.length;
      if (rest > 0) this.leaveOut({ name: prefix, kind, reason, count: rest });
    }
    this.split ??= other.split;
    other.splits.forEach((split) => this.splits.add(split));
  }
}

/** What was left out, in words: `45 left out: 30 .heic (not readable), 15 .txt`. Empty if nothing was. */
export function leftOutText({ count, groups }: Pick<Survey, "count" | "groups">): string {
  if (count === 0) return "";
  const parts = groups.map(({ kind, reason, count }) =>
    `${count.toLocaleString("en-US")} ${kind}${reason === null ? "" : ` (${reason})`}`
  );
  return `${count.toLocaleString("en-US")} left out: ${parts.join(", ")}`;
}
