/**
 * Prints the permissions that a command line needs beyond those that deno.json gives its command, one flag per line, for
 * `./run`: the folder of --out, the hosts of http sources and of weights, and the cache folder; and the flags that Dawn needs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { cacheFolder, environmentVariable } from "../base/environment.ts";
import { isLaunched } from "../distributed/launcher.ts";
import { fromCaller } from "./paths.ts";
import { runMain } from "./run_main.ts";
import { flagsOf, type Named, needsOf } from "./permissions.ts";

/**
 * The flags for the command `name` with these arguments; wrong arguments are left to the command itself.
 *
 * @param options `all`: kinds that the command may use without limits. A flag would limit them.
 */
export function grantsOf(
  name: string,
  args: string[],
  { all = [] }: { all?: readonly Kind[] } = {},
): string[] {
  const text = { type: "string" } as const, texts = { type: "string", multiple: true } as const;
  const { values, positionals } = parseArgs({
    args,
    strict: false,
    allowPositionals: true,
    options: {
      data: texts,
      train: texts,
      test: texts,
      run: text,
      init: text,
      encoder: text,
      preset: text,
      out: name === "embed" ? texts : text,
      resume: { type: "boolean" },
      webgpu: text,
    },
  });
  // An option whose value is missing reads as true.
  const named = Object.entries(values).filter(([key, value]) =>
    key === "resume" || [value].flat().every(isText)
  );
  const folders = name === "report" && positionals.length > 0 ? { out: positionals } : {};
  const { write, net } = needsOf(name, fromCaller({ ...Object.fromEntries(named) as Named, ...folders }));
  const cache = WITHOUT_CACHE.includes(name) ? null : cacheFolder();
  const needs = { write: [...write, ...cache === null ? [] : [cache]], net };
  const granted = kinds.map((kind) => [kind, all.includes(kind) ? [] : needs[kind]]);
  const isOnDawn = (values.webgpu ?? environmentVariable("BYOL_WEBGPU")) === "dawn";
  return [
    ...new Set([
      ...flagsOf(Object.fromEntries(granted)),
      ...isOnDawn ? DAWN : [],
      ...isLaunched() ? SHARED[name] ?? [] : [],
    ]),
  ];
}

/** What Dawn needs: it is a native library, and its package is in a lock file of its own, which `./run` writes. */
const DAWN = ["--allow-ffi", "--lock=.deno/dawn.lock"];

/** Commands that several processes do together where an MPI launcher starts them: they call its library, and name machines. */
const SHARED: Record<string, string[] | undefined> = {
  train: ["--allow-ffi"],
  embed: ["--allow-ffi", "--allow-sys=hostname"],
};

/** Commands that remember nothing of kernels. */
const WITHOUT_CACHE = ["watch", "report"];

/** What `./run` gives. */
const kinds = ["write", "net"] as const;
type Kind = typeof kinds[number];

const isText = (value: unknown) => typeof value === "string" && value !== "";

if (import.meta.main) {
  // Run with the permissions of the command itself.
  const all = kinds.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  await runMain(([name, ...args]) => Promise.resolve(console.log(grantsOf(name, args, { all }).join("\n"))));
}
