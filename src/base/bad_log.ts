/**
 * Images that are not used, in lines of text.
 *
 * @module
 */

/** This many are logged; the others are only counted. */
const LOGGED = 5;

/** A function that logs the first images that are not used, those found `before` included. */
export function badLog(
  log: (line: string) => void = console.log,
  { before = 0, rest = "only counted" }: { before?: number; rest?: string } = {},
): (image: { key: string; reason: string; leftOut?: true }) => void {
  let found = before;
  return ({ key, reason, leftOut }) => {
    if (++found > LOGGED) return;
    const more = found === LOGGED ? ` The following ones are ${rest}.` : "";
    log(`${leftOut ? "Left out" : "Skipped"} ${key}: ${reason}.${more}`);
  };
}
