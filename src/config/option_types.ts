/** Types of command line values: each reads a text, or says what it expects. */

/** Reads the text of an option's value. */
export interface OptionType<T> {
  /** How `--help` names the value, such as `N`; null for a switch, which has none on the command line. */
  placeholder: string | null;
  /** What is expected, to follow "must be". */
  expected: string;
  /** The value, or undefined if `text` is none. */
  parse(text: string): T | undefined;
}

/** Which numbers will do. */
export interface Range {
  min?: number;
  max?: number;
  /** Must the number be greater than `min`? */
  exclusive?: boolean;
}

function rangeText({ min, max, exclusive }: Range): string {
  if (max !== undefined) return ` ${exclusive ? "above" : "from"} ${min ?? "−∞"} to ${max}`;
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

/** A whole number in a range, if asked a multiple of something. */
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

/** So many finite numbers with commas between them. */
export function numbers(count: number): OptionType<number[]> {
  const one = number();
  return {
    placeholder: Array(count).fill("X").join(","),
    expected: `${count} numbers with commas between them`,
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

/** A switch: true where it is given, which takes no value. */
export function onSwitch(): OptionType<boolean> {
  return {
    placeholder: null,
    expected: "true or false",
    parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
  };
}

/** Any text that cannot be an option whose value was forgotten. */
export function text(placeholder: string): OptionType<string> {
  return {
    placeholder,
    expected:
      "a value that is not empty and does not begin with a dash (write ./-name for a file of that name)",
    parse: (value) => value === "" || value.startsWith("-") ? undefined : value,
  };
}

/** One of a few names, or a file with an extension, which need not be there yet. */
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
