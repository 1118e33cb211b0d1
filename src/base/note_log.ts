/**
 * Notes about images that can be used and look wrong.
 *
 * @module
 */

/** A function that logs each note once, with the first image that has it. */
export function noteLog(log: (line: string) => void): (image: { key: string; note: string }) => void {
  const logged = new Set<string>();
  return ({ key, note }) => {
    if (!logged.has(note)) log(`Warning about ${key}: ${note}. Further images like it are not named.`);
    logged.add(note);
  };
}
