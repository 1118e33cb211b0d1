/** Types of option values: each reads a text, and says what it expects. */
import { splitNamed } from "../../data/sources/split_names.ts";
import type { SplitName } from "../../data/sources/survey.ts";

/** The type of an option's value. */
export interface OptionType<T> {
  /** How `--help` names the value, such as `N`; null for a switch, which takes none. */
  placeholder: string | null;
  /** What is expected, to follow "must be". */
  expected: string;
  /** Whether its values are lists of numbers, separated by commas as text. */
  isList?: boolean;
  /** The value that `text` stands for; undefined if there is none. */
  parse(text: string): T | undefined;
}

/** The numbers that are allowed. */
export interface Range {
  min?: number;
  max?: number;
  /** Whether `min` itself is excluded. */
  exclusive?: boolean;
}

function rangeText({ min, max, exclusive }: Range): string {
  if (max !== undefined) {
    return exclusive ? ` above ${min} and at most ${max}` : ` from ${min ?? "−∞"} to ${max}`;
  }
  return min === undefined ? "" : exclusive ? ` above ${min}` : ` of at least ${min}`;
}

const within = (value: number, { min = -Infinity, max = Infinity, exclusive = false }: Range) =>
  value >= min && value <= max && !(exclusive && value === min);

/** A finite decimal number in a range. */
export function number(range: Range = {}): OptionType<number> {
  return {
    placeholder: "X",
    expected: `a number${rangeText(range)}`,
    // Number() alone would also take "", "0x10" and "Infinity".
    parse: (text) => {
      const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
      return Number.isFinite(value) && within(value, range) ? value : undefined;
    },
  };
}

/** A whole number in a range, optionally a multiple of another. */
export function integer(
  { multipleOf = 1, ...range }: Range & { multipleOf?: number } = {},
): OptionType<number> {
  return {
    placeholder: "N",
    expected: `a ${multipleOf === 1 ? "whole number" : `multiple of ${multipleOf}`}${rangeText(range)}`,
    parse: (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      return Number.isSafeInteger(value) && within(value, range) && value % multipleOf === 0
        ? value
        : undefined;
    },
  };
}

/** A whole number of at least 0, or a share between 0 and 1. */
export function countOrShare(): OptionType<number> {
  const count = integer({ min: 0 }), share = number({ min: 0, max: 1, exclusive: true });
  return {
    placeholder: "N",
    expected: "a whole number of at least 0, or a share between 0 and 1",
    parse: (text) => count.parse(text) ?? share.parse(text),
  };
}

/** A power of two from 1 to `max`, or a name. */
export function powerOfTwoOr<const T extends string>(
  name: T,
  { max }: { max: number },
): OptionType<number | T> {
  const whole = integer({ min: 1, max });
  return {
    placeholder: "N",
    expected: `${name}, or a power of two from 1 to ${max}`,
    parse: (text) => {
      const value = whole.parse(text);
      return text === name
        ? name
        : value !== undefined && Number.isInteger(Math.log2(value))
        ? value
        : undefined;
    },
  };
}

/** The name of a split, one of the usual ones. */
export function splitName(): OptionType<SplitName> {
  return {
    placeholder: "NAME",
    expected: "train, validation or test (training, val, valid, dev, testing and eval are understood)",
    parse: (text) => splitNamed(text) ?? undefined,
  };
}

/** A list of `count` finite numbers in a range. */
export function numbers(count: number, range: Range = {}): OptionType<number[]> {
  const one = number(range);
  return {
    placeholder: Array(count).fill("X").join(","),
    expected: `${count} numbers${rangeText(range)}, separated by commas`,
    isList: true,
    parse: (text) => {
      const values = text.split(",").map((part) => one.parse(part.trim()));
      return values.length === count && values.every((value) => value !== undefined) ? values : undefined;
    },
  };
}

/** One of a few names. */
export function choice<const T extends string>(...names: T[]): OptionType<T> {
  return {
    placeholder: names.length <= 2 ? names.join("|") : "NAME",
    expected: `one of ${names.join(", ")}`,
    parse: (text) => names.find((name) => name === text),
  };
}

/** A switch, on or off. */
export function toggle(): OptionType<boolean> {
  return {
    placeholder: null,
    expected: "true or false",
    parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
  };
}

/** Any text that does not look like another option. */
export function text(placeholder: string): OptionType<string> {
  return {
    placeholder,
    expected: "a value that is not empty and does not start with a dash (write ./-name for such a file)",
    parse: (value) => value === "" || value.startsWith("-") ? undefined : value,
  };
}

/** One of a few names, or the path of a file with the given extension. */
export function fileOr(
  extension: string,
  { placeholder, names, isName }: {
    placeholder: string;
    names: string;
    isName: (text: string) => boolean;
  },
): OptionType<string> {
  const isFile = (text: string) => text.toLowerCase().endsWith(`.${extension}`) && !text.startsWith("-");
  return {
    placeholder,
    expected: `one of ${names}, or a .${extension} file`,
    parse: (text) => isName(text) || isFile(text) ? text : undefined,
  };
}
