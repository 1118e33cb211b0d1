/**
 * The permissions of a command: the folders it reads and writes, and the hosts it loads from. deno.json has a set for
 * each command; `./run` adds what the command line names.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { environmentVariable } from "../base/environment.ts";
import { LIST_NAME } from "../../data/sources/file_names.ts";
import { hostsOf } from "../../data/sources/hosts.ts";
import { UserError } from "../base/errors.ts";
import { withPaths } from "../config/load_preset.ts";
import { parsePreset } from "../config/preset_fields.ts";
import { isPresetName } from "../config/preset_files.ts";
import { isAddress, isPath } from "../config/source_paths.ts";

/** The options that decide permissions, with resolved paths. */
export interface Named {
  data?: string | string[];
  train?: string | string[];
  test?: string | string[];
  run?: string;
  init?: string;
  encoder?: string;
  preset?: string;
  out?: string | string[];
  resume?: boolean;
}

/** The paths and hosts of a command, as `--allow-read`, `--allow-write` and `--allow-net` take them. */
export interface Needs {
  read: string[];
  write: string[];
  net: string[];
}

/** Commands whose output is a file, or a folder that they make: they write to the folder above it. */
const WRITES_FILE = ["preview", "export", "embed", "similar", "duplicates", "explore"];

/** The folders that the others write by default. */
const DEFAULT_OUT: Record<string, string | undefined> = {
  train: "runs",
  evaluate: "evaluation",
  experiments: "docs/results",
};

/** What the command `name` needs with these options. */
export function needsOf(name: string, { train, test, run, encoder, preset, resume, ...named }: Named): Needs {
  const { data, out, init } = { ...presetIn(preset), ...named };
  const sources = [data, train, test].flat().filter((source) => source !== undefined);
  const began = run ?? (resume && typeof out === "string" ? out : undefined);
  // An export reads the encoder alone.
  if (began !== undefined && name !== "export") sources.push(...textsIn(began, "data"));
  const weights = [init, encoder, ...resume && began !== undefined ? textsIn(began, "init") : []];
  sources.push(...weights.filter((source) => source !== undefined && isAddress(source)) as string[]);
  const written = WRITES_FILE.includes(name) ? foldersOf(name, out) : out ?? run ?? DEFAULT_OUT[name];
  const local = sources.filter(isPath);
  // For a pattern, the folder before it; for a list, the folder to which its paths are relative.
  const read = local.map((source) => {
    if (/[{*?[]/.test(source)) return dirname(source.replace(/[{*?[].*/, "x"));
    return LIST_NAME.test(source) ? dirname(source) : source;
  });
  // Workers are loaded from the project's folder.
  const root = new URL("../../", import.meta.url);
  if (root.protocol === "file:") read.push(resolve(fileURLToPath(root)));
  const folders = written === undefined ? [] : [...new Set([written].flat())];
  return {
    // What is written is also read, to resume or to evaluate.
    read: [...new Set([...read, ...began === undefined ? [] : [began], ...folders])],
    write: folders,
    net: [...new Set(sources.flatMap(hostsOf))],
  };
}

/** The folders of the files `out`. By default most commands write where they were called, similar nowhere. */
function foldersOf(name: string, out: Named["out"]): string[] {
  if (out !== undefined) return [out].flat().map((file) => dirname(file));
  return name === "similar" ? [] : [environmentVariable("INIT_CWD") || "."];
}

/** The texts of an option in config.json of the run in `folder`; none if it cannot be read. */
function textsIn(folder: string, name: string): string[] {
  try {
    const { [name]: value } = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
    return [value].flat().filter((text) => typeof text === "string");
  } catch {
    return [];
  }
}

/** The data, the folder and the weights that a preset's file names; none if it cannot be used, which the command reports. */
function presetIn(path: string | undefined): Pick<Named, "data" | "out" | "init"> {
  if (path === undefined || isPresetName(path)) return {};
  try {
    const { data, out, init } = withPaths(
      parsePreset(JSON.parse(Deno.readTextFileSync(path)), path),
      dirname(path),
    );
    return {
      ...isNamed(data) && { data },
      ...out !== undefined && { out },
      ...init !== undefined && { init },
    };
  } catch {
    return {};
  }
}

const isNamed = (data: unknown): data is string | string[] => typeof data === "string" || Array.isArray(data);

/** The flags that grant `needs`. Deno separates values by commas, which a value cannot contain. */
export function flagsOf(needs: Partial<Needs>): string[] {
  const granted = Object.entries(needs).filter(([, values]) => values.length > 0);
  const comma = granted.flatMap(([, values]) => values).find((value) => value.includes(","));
  if (comma !== undefined) {
    throw new UserError(
      `Cannot use "${comma}": Deno's permissions allow no comma in a path. Choose another path.`,
    );
  }
  return granted.map(([kind, values]) => `--allow-${kind}=${values.join(",")}`);
}

/**
 * Asks for the missing permissions of `needs`, if there is a terminal.
 *
 * @throws {UserError} naming those still missing.
 */
export async function expectPermissions(name: string, needs: Needs): Promise<void> {
  const refused = async (descriptors: Deno.PermissionDescriptor[]) => {
    const missing: boolean[] = [];
    // One prompt at a time.
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
  // Deno asks for single hosts only: of all subdomains it is asked for the domain.
  const lacks = await refused(
    needs.net.map((host) => ({ name: "net", host: host.replace(/^\*\./, "") })),
  );
  missing.net = needs.net.filter((_, i) => lacks[i]);
  const flags = flagsOf(missing);
  if (flags.length === 0) return;
  throw new UserError(
    `Cannot ${name}: Deno was started without ${flags.join(" ")}. Use "./run ${name}", which grants it, or ` +
      `"deno run -P=${name} ${flags.join(" ")} ${name === "train" ? "train.ts" : `src/cli/${name}.ts`}".`,
  );
}

/** The message for an access that Deno refused in the middle of the work; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const [, kind, of] = /^Requires (\w+) access to "?(.*?)"?, run again/.exec(error.message) ?? [];
  if (!kind) return error.message;
  // Deno opens some system folders only with --allow-all.
  if (kind === "all") {
    return `Cannot go on: Deno opens "${of}" only with --allow-all. Choose another path.`;
  }
  return `Cannot go on: Deno was started without --allow-${kind}=${of}. Add it to "deno run", see docs/adapters.md.`;
}
