/**
 * The environment, where Deno may be asked for it: nothing here prompts or fails without permission, as every variable
 * has a default.
 *
 * @module
 */
import { join } from "node:path";

const granted = (variable: string) =>
  Deno.permissions.querySync({ name: "env", variable }).state === "granted";

/** The value of a variable; undefined if it is unset, or its permission is missing. */
export function environmentVariable(name: string): string | undefined {
  return granted(name) ? Deno.env.get(name) : undefined;
}

/** Sets a variable, or removes it; false if its permission is missing. */
export function setEnvironmentVariable(name: string, value: string | undefined): boolean {
  if (!granted(name)) return false;
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
  return true;
}

/** The folder for files that can be made anew, BYOL_CACHE or where the system keeps such; null where the system names none, or must not be asked. */
export function cacheFolder(): string | null {
  const given = environmentVariable("BYOL_CACHE"), home = environmentVariable("HOME");
  if (given) return given;
  const base = Deno.build.os === "windows"
    ? environmentVariable("LOCALAPPDATA")
    : environmentVariable("XDG_CACHE_HOME") ||
      (home && join(home, Deno.build.os === "darwin" ? "Library/Caches" : ".cache"));
  return base ? join(base, "byol") : null;
}
