/**
 * The families of kernels that training can be held to.
 *
 * @module
 */
import { type Check, kernelsOf } from "./check.ts";

/** The families by the names that `--kernels` knows. */
const FAMILIES: readonly Pin[] = ["subgroup8", "tiled", "blocked"];

/** A family of kernels. */
export type Pin = "subgroup8" | "tiled" | "blocked";

/** The family that `way` belongs to. */
function familyOf(way: string): Pin | undefined {
  return FAMILIES.find((family) => way.startsWith(family));
}

/**
 * The first family that does without the kernels `blamed`, and of whose own checks none has failed. Null if these kernels
 * are needed whatever the family, as all but those of convolutions are.
 */
export function pinAround(
  blamed: readonly string[],
  { checks, failed }: { checks: readonly Check[]; failed: readonly Check[] },
): Pin | null {
  const isBlamed = (check: Check) => kernelsOf(check).some((name) => blamed.includes(name));
  // The other checks take the adapter's default ways: what they need beside these no pin avoids.
  const ofWays = new Set(checks.filter(({ way }) => way).flatMap(kernelsOf));
  if (!blamed.every((name) => ofWays.has(name))) return null;
  return FAMILIES.find((family) => {
    const own = checks.filter(({ way }) => way && familyOf(way) === family);
    return own.length > 0 && !own.some((check) => isBlamed(check) || failed.includes(check));
  }) ?? null;
}
