import type { IndexedSource } from "../source.ts";
export function openZip(_name: string, _paths: string[]): Promise<IndexedSource> {
  throw new Error("todo");
}
