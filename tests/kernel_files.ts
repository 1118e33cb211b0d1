/** The files of kernels/, as the contracts name them. */

const folder = new URL("../kernels/", import.meta.url);

/** The paths below kernels/ of all WGSL files, sorted. */
export function kernelFiles(): string[] {
  const rooms = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return rooms.flatMap((room) =>
    [...Deno.readDirSync(new URL(`${room}/`, folder))].map(({ name }) => `${room}/${name}`)
  ).sort();
}

/** The text of one of them. */
export function kernelFile(path: string): string {
  return Deno.readTextFileSync(new URL(path, folder));
}
