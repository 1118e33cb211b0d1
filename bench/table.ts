/** Markdown tables, printed line by line, so that a long benchmark shows its results as they come. */

/** Prints the head of a table; returns a function that prints a row. */
export function printTable(
  columns: readonly string[],
  print: (line: string) => void = console.log,
): (...cells: (string | number)[]) => void {
  const line = (cells: readonly (string | number)[]) => print(`| ${cells.join(" | ")} |`);
  line(columns);
  line(columns.map(() => "---"));
  return (...cells) => line(cells);
}

/** A fraction in whole percent. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
