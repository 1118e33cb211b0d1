/**
 * What a command needs beyond reading: the folder that it writes to, and the hosts that it loads from. deno.json has
 * a set of permissions for each command; `./run` adds what the command line names.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../base/errors.ts";
import { isUrl } from "./paths.ts";

/** What of the options tells permissions, paths as seen from here. */
export interface Named {
  data?: string | string[];
  train?: string | string[];
  test?: string | string[];
  run?: string;
  out?: string;
  resume?: boolean;
}

/** The paths and hosts of a command, as `--allow-read`, `--allow-write` and `--allow-net` take them. */
export interface Needs {
  read: string[];
  write: string[];
  net: string[];
}

/** Where commands write that were not told: a folder, or for preview the folder of the file. */
const USUAL_OUT: Record<string, string | undefined> = {
  train: "runs",
  preview: ".",
  evaluate: "evaluation",
  experiments: "docs/results",
};

/** What the command `name` needs with those options. */
export function needsOf(name: string, { data, train, test, run, out, resume }: Named): Needs {
  const sources = [data, train, test].flat().filter((source) => source !== undefined);
  const began = run ?? (resume ? out : undefined);
  if (began !== undefined) sources.push(...sourcesOf(began));
  const written = out === undefined ? run ?? USUAL_OUT[name] : name === "preview" ? dirname(out) : out;
  const local = sources.filter((source) => !isUrl(source) && !/^shapes(:|$)/i.test(source));
  // Of a pattern the folder up to it.
  const read = local.map((source) =>
    /[{*?[]/.test(source) ? dirname(source.replace(/[{*?[].*/, "x")) : source
  );
  // Workers are loaded from the project's folder.
  const root = new URL("../../", import.meta.url);
  if (root.protocol === "file:") read.push(resolve(fileURLToPath(root)));
  const folders = written === undefined ? [] : [written];
  return {
    // What is written is read again, as to go on or to evaluate.
    read: [...new Set([...read, ...began === undefined ? [] : [began], ...folders])],
    write: folders,
    net: [...new Set(sources.filter(isUrl).flatMap(hostOf))],
  };
}

/** The data of the run in `folder`, as its config.json tells; none if it cannot be read. */
function sourcesOf(folder: string): string[] {
  try {
    const { data } = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
    return [data].flat().filter((source) => typeof source === "string");
  } catch {
    return [];
  }
}

function hostOf(url: string): string[] {
  try {
    return [new URL(url).host];
  } catch {
    return []; // Whoever opens it tells what is wrong.
  }
}

/** The flags that grant `needs`. Deno separates values by commas, and has no way to write one within a value. */
export function flagsOf(needs: Partial<Needs>): string[] {
  const granted = Object.entries(needs).filter(([, values]) => values.length > 0);
  const comma = granted.flatMap(([, values]) => values).find((value) => value.includes(","));
  if (comma !== undefined) {
    throw new UserError(
      `Cannot use "${comma}": Deno's permissions take no path with a comma. Choose another.`,
    );
  }
  return granted.map(([kind, values]) => `--allow-${kind}=${values.join(",")}`);
}

/**
 * Asks for what is missing of `needs`, where somebody can answer.
 *
 * @throws {UserError} naming what is still missing.
 */
export async function expectPermissions(name: string, needs: Needs): Promise<void> {
  const refused = async (descriptors: Deno.PermissionDescriptor[]) => {
    const missing: boolean[] = [];
    // One question at a time.
    for (const descriptor of descriptors) {
      missing.push((await Deno.permissions.request(descriptor)).state !== "granted");
    }
    return missing;
  };
  const missing: Needs = { read: [], write: [], net: [] };
  for (const kind of ["read", "write"] as const) {
    const lacks = await refused(needs[kind].map((path) => ({ name: kind, path })));
    missing[kind] = needs[kind].filter((_, i) => lacks[i]);
  }
  const lacks = await refused(needs.net.map((host) => ({ name: "net", host })));
  missing.net = needs.net.filter((_, i) => lacks[i]);
  const flags = flagsOf(missing);
  if (flags.length === 0) return;
  throw new UserError(
    `Cannot ${name}: Deno was not given ${
      flags.join(" ")
    }. Use "./run ${name}", which gives what is needed, or ` +
      `"deno run -P=${name} ${flags.join(" ")} ${name === "train" ? "train.ts" : `src/cli/${name}.ts`}".`,
  );
}

/** What Deno's refusal of an access that nobody foresaw means to the user; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const [, kind, of] = /^Requires (\w+) access to "?(.*?)"?, run again/.exec(error.message) ?? [];
  if (!kind) return error.message;
  // Some of the system's folders Deno opens to nobody else.
  if (kind === "all") {
    return `Cannot go on: Deno refuses "${of}" to all but --allow-all. Choose another path.`;
  }
  return `Cannot go on: Deno was not given --allow-${kind}=${of}. Add it to "deno run", see docs/adapters.md.`;
}
