export async function openLists(): Promise<never> {
  throw new Error("todo");
}
