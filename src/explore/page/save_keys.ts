/** Keys as a CSV file. */
import { element } from "./element.ts";
import { type Explored, labelOf } from "./explored.ts";

const field = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** The rows with key, label, cluster and row in the embeddings, as CSV. */
export function csvOf(explored: Explored, rows: readonly number[]): string {
  const lines = rows.map((row) =>
    [
      field(explored.keys[row]),
      field(labelOf(explored, row) ?? ""),
      explored.clusters[row] + 1,
      explored.numbers?.[row] ?? row,
    ].join(",")
  );
  return ["key,label,cluster,row", ...lines, ""].join("\n");
}

/** Offers `text` as the file `name`. */
export function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
