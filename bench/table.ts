/** Markdown tables, a line at a time, so that a long benchmark shows what it has. */

/** Prints the head of a table and returns what prints a row of it. */
export function printTable(columns: readonly string[]): (...cells: (string | number)[]) => void {
  const line = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
  line(columns);
  line(columns.map(() => "---"));
  return (...cells) => line(cells);
}

/** A part of a whole in words. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
