/**
 * Command lines: options described as data, read by commander.
 *
 * @module
 */
import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import config from "../../deno.json" with { type: "json" };
import { UserError } from "../base/errors.ts";
import type { Flag, FlagGroups } from "../config/flag.ts";

/** The answer to `--help` or `--version`, to be printed instead of doing anything. */
export interface Help {
  help: string;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function addFlag(
  command: Command,
  name: string,
  { group, about, otherwise, type, repeatable }: Flag<unknown> & { group: string },
) {
  const flag = `--${kebab(name)}`;
  const parse = (text: string, before: unknown) => {
    const value = type.parse(text);
    if (value !== undefined) return repeatable && before !== undefined ? [before, value].flat() : value;
    throw new UserError(`Cannot use ${flag} ${text || '""'} as it must be ${type.expected}.`);
  };
  const explained = `${about} (default: ${otherwise})`;
  if (type.placeholder === null) {
    command.addOption(new Option(flag, explained).helpGroup(group));
    // A run that goes on, and a preset, may have it: this takes it back.
    command.addOption(new Option(`--no-${kebab(name)}`).hideHelp());
    return;
  }
  const option = new Option(`${flag} <${type.placeholder}>`, explained);
  command.addOption(option.argParser(parse).helpGroup(group));
}

/** The command `./run NAME` with the options of `groups`. */
export function createCommand(
  name: string,
  { about, groups }: { about: string; groups: FlagGroups },
): Command {
  const command = new Command(`./run ${name}`).description(about);
  for (const [group, flags] of Object.entries(groups)) {
    const heading = `${group[0].toUpperCase()}${group.slice(1)}:`;
    for (const [name, flag] of Object.entries(flags)) addFlag(command, name, { ...flag, group: heading });
  }
  return command;
}

/**
 * The values of the options in `args`, by name in camel case. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parseCommand<T extends object>(command: Command, args: readonly string[]): T | Help {
  let printed = "";
  command
    .version(config.version, "--version", "print the version")
    .helpOption("--help", "print this")
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
    throw new UserError(
      `Cannot understand the command line: ${reason}. ${hint}--help explains every option.`,
    );
  }
  return command.opts<T>();
}
