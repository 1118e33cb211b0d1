/**
 * Where the links of a tar archive lead.
 *
 * @module
 */
import { tarEntries, type TarEntry, WindowedFile } from "./tar_index.ts";

/** Longer chains of links go in circles. */
const MAX_CHAIN = 40;

/**
 * The files to which the links of the archive `path` lead, by the names of the links. Links that lead nowhere or out of the
 * archive are left out. It reads all headers, once for the links and once for the files.
 */
export function linkTargets(path: string): Map<string, TarEntry> {
  const targets = new Map<string, string>();
  for (const { name, kind, target = "" } of entriesOf(path)) {
    if (kind === "hard link") targets.set(plain(name), plain(target));
    else if (kind === "symbolic link") {
      const folder = name.slice(0, name.lastIndexOf("/") + 1);
      targets.set(plain(name), plain(target.startsWith("/") ? target : folder + target));
    }
  }
  const ends = new Map<string, string>();
  for (const name of targets.keys()) {
    let end = name;
    for (let i = 0; i < MAX_CHAIN && targets.has(end); i++) end = targets.get(end)!;
    ends.set(name, end);
  }
  const wanted = new Set(ends.values()), files = new Map<string, TarEntry>();
  for (const entry of entriesOf(path)) {
    if (entry.kind === "file" && wanted.has(plain(entry.name))) files.set(plain(entry.name), entry);
  }
  const found = new Map<string, TarEntry>();
  for (const { name, kind } of entriesOf(path)) {
    const file = kind.endsWith("link") ? files.get(ends.get(plain(name))!) : undefined;
    if (file) found.set(name, file);
  }
  return found;
}

function* entriesOf(path: string): Generator<TarEntry> {
  using file = new WindowedFile(path);
  yield* tarEntries(path, file);
}

/** A path without `.` and `..` where they can be resolved, and without a slash at its beginning. */
function plain(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}
