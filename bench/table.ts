/** Markdown tables, a line at a time, so that a long benchmark shows what it has. */

/** Prints the head of a table and returns what prints a row of it. */
export function printTable(
  columns: readonly string[],
  print: (line: string) => void = console.log,
): (...cells: (string | number)[]) => void {
  const line = (cells: readonly (string | number)[]) => print(`| ${cells.join(" | ")} |`);
  line(columns);
  line(columns.map(() => "---"));
  return (...cells) => line(cells);
}

/** A part of a whole in words. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
