/** Numbers and tables as text. */

/** A fraction in percent with one digit, "12.3 %"; `missing` if there is none. */
export function percent(fraction: number | null | undefined, missing = ""): string {
  return fraction === null || fraction === undefined ? missing : `${(100 * fraction).toFixed(1)} %`;
}

/** A whole number with its digits in groups: "2,000". */
export const grouped = (count: number): string => count.toLocaleString("en-US");

/** A text of at most nine digits that reads as the same float32. */
export function float32Text(value: number): string {
  const short = Number(value.toPrecision(8));
  return String(Math.fround(short) === value ? short : Number(value.toPrecision(9)));
}

/** A number with its noun: "1 image", "2,000 images". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** A line for each of `rows`, in aligned columns: the first to the left, the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, j) => Math.max(...rows.map((row) => row[j].length)));
  return rows.map((row) =>
    row.map((cell, j) => j === 0 ? cell.padEnd(widths[j]) : cell.padStart(widths[j])).join("  ").trimEnd()
  );
}
