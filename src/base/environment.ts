/**
 * Environment variables, as far as Deno's permissions allow: without permission a variable counts as unset, and nothing
 * prompts.
 *
 * @module
 */
import { join } from "node:path";

const isGranted = (variable: string) =>
  Deno.permissions.querySync({ name: "env", variable }).state === "granted";

/** The value of a variable; undefined if it is unset or may not be read. */
export function environmentVariable(name: string): string | undefined {
  return isGranted(name) ? Deno.env.get(name) : undefined;
}

/** Sets a variable, or removes it if `value` is undefined; returns false without permission. */
export function setEnvironmentVariable(name: string, value: string | undefined): boolean {
  if (!isGranted(name)) return false;
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
  return true;
}

/** The name of this machine; null if it may not be read. */
export function hostName(): string | null {
  return Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted"
    ? Deno.hostname()
    : null;
}

/** The folder for caches: BYOL_CACHE, or `byol` in the system's cache folder; null if neither is known. */
export function cacheFolder(): string | null {
  const own = environmentVariable("BYOL_CACHE"), home = environmentVariable("HOME");
  if (own) return own;
  const base = Deno.build.os === "windows"
    ? environmentVariable("LOCALAPPDATA")
    : environmentVariable("XDG_CACHE_HOME") ||
      (home && join(home, Deno.build.os === "darwin" ? "Library/Caches" : ".cache"));
  return base ? join(base, "byol") : null;
}
