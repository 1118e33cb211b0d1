/**
 * Command lines: options described as data, read by commander.
 *
 * @module
 */
import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import config from "../../deno.json" with { type: "json" };
import { UserError } from "../base/errors.ts";
import type { Flag, FlagGroups } from "../config/flag.ts";
import { type Implementation, implementation, implementations, useWebGpu } from "../gpu/webgpu.ts";

/** The answer to `--help` or `--version`: a text to print instead of running. */
export interface Help {
  help: string;
}

/** The options that hold for the process, of every command. */
interface MachineOptions {
  webgpu?: Implementation;
  unsafeShaders?: boolean;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function addFlag(
  command: Command,
  { name, group, flag }: { name: string; group: string; flag: Flag<unknown> },
) {
  const { about, otherwise, type, repeatable, negated = false } = flag, long = `--${kebab(name)}`;
  const text = `${about} (default: ${otherwise})`;
  if (type.placeholder === null) {
    // Both forms are known, so that each overrides a preset or a run; --help shows the one that changes the default.
    const shown = negated ? `--no-${kebab(name)}` : long, hidden = negated ? long : `--no-${kebab(name)}`;
    command.addOption(new Option(shown, text).helpGroup(group));
    command.addOption(new Option(hidden).hideHelp());
    return;
  }
  const parse = (text: string, before: unknown) => {
    const value = type.parse(text);
    if (value !== undefined) return repeatable && before !== undefined ? [before, value].flat() : value;
    throw new UserError(`Cannot use "${long} ${text}": the value must be ${type.expected}.`);
  };
  const names = name.length === 1 ? `-${name}, ${long}` : long;
  command.addOption(new Option(`${names} <${type.placeholder}>`, text).argParser(parse).helpGroup(group));
}

/** How the folders are called that a command takes without an option. */
const FOLDERS = "DIR";

/** What a command is. */
export interface CommandDescription {
  about: string;
  groups: FlagGroups;
  /** What the folders are that it takes without an option. */
  folders?: string;
  /** Whether it computes on a GPU. Default: true. */
  computes?: boolean;
}

/** The command `./run NAME`. */
export function createCommand(
  name: string,
  { about, groups, folders, computes = true }: CommandDescription,
): Command {
  const command = new Command(`./run ${name}`).description(about);
  if (folders !== undefined) command.argument(`<${FOLDERS}...>`, folders);
  for (const [title, flags] of Object.entries(groups)) {
    const group = `${title[0].toUpperCase()}${title.slice(1)}:`;
    for (const [name, flag] of Object.entries(flags)) addFlag(command, { name, group, flag });
  }
  if (computes) addMachineOptions(command);
  return command;
}

/** Adds the options that hold for the process. */
function addMachineOptions(command: Command) {
  const about =
    "compute on Deno's own WebGPU, deno, or on that of Chrome, dawn (default: BYOL_WEBGPU, else deno)";
  const group = "Machine:";
  command.addOption(new Option("--webgpu <name>", about).choices(implementations).helpGroup(group));
  const unsafe = "with dawn: compute without bounds checks (default: no)";
  command.addOption(new Option("--unsafe-shaders", unsafe).helpGroup(group));
}

/**
 * The values of the options in `args`, by name in camel case. Prints nothing and never exits. What holds for the process, such
 * as `--webgpu`, is done and is none of them.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parseCommand<T extends object>(command: Command, args: readonly string[]): T | Help {
  let printed = "";
  command
    .version(config.version, "--version", "print the version")
    .helpOption("--help", "print this text")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
      // Commander would look for them in variables that a command may not read.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help: printed.trimEnd() };
    const reason = error.message.replace(/^error: /, "").replace("\n", " ").replace(/\.$/, "");
    const hint = error.code === "commander.excessArguments"
      ? "Every value belongs to an option: --data SOURCE. "
      : "";
    throw new UserError(`Cannot read the command line: ${reason}. ${hint}--help explains every option.`);
  }
  const { webgpu, unsafeShaders, ...options } = command.opts<T & MachineOptions>();
  if (webgpu || unsafeShaders) useWebGpu(webgpu ?? implementation(), { unsafeShaders });
  const takesFolders = command.registeredArguments.some((argument) => argument.name() === FOLDERS);
  return { ...options, ...takesFolders && { folders: command.args } } as unknown as T;
}
