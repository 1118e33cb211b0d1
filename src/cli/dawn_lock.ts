/**
 * Prints the lock file of a process that computes on Dawn: the packages of deno.lock and those of Dawn. Deno would install what
 * is in deno.lock for every command, and Dawn has 132 MB.
 *
 * @module
 */
interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, unknown>;
}

const lockAt = async (path: string): Promise<Lock> =>
  JSON.parse(await Deno.readTextFile(new URL(path, import.meta.url)));

if (import.meta.main) {
  const project = await lockAt("../../deno.lock"), dawn = await lockAt("../gpu/dawn.lock");
  const specifiers = { ...project.specifiers, ...dawn.specifiers }, npm = { ...project.npm, ...dawn.npm };
  console.log(JSON.stringify({ ...project, specifiers, npm }));
}
