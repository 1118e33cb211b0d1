import type { StreamedSource } from "../source.ts";
export function openParquet(_name: string, _paths: string[]): Promise<StreamedSource> {
  throw new Error("todo");
}
