/** Questions about files. */

/** Whether there is a file or folder at `path`. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
