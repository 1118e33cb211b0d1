/**
 * Families of convolution kernels that `--kernels` can pin.
 *
 * @module
 */
import { type Check, kernelsOf } from "./check.ts";

/** The families by their names in `--kernels`, the fastest first. */
const FAMILIES: readonly Pin[] = ["matrix", "subgroup8", "tiled", "blocked"];

/** A family of kernels. */
export type Pin = "matrix" | "subgroup8" | "tiled" | "blocked";

/** The family that `variant` belongs to. */
function familyOf(variant: string): Pin | undefined {
  return FAMILIES.find((family) => variant.startsWith(family));
}

/**
 * The first family that does not use the kernels `blamed` and whose own checks all passed. Null if every family needs
 * these kernels, as is so for all but those of convolutions.
 */
export function pinAround(
  blamed: readonly string[],
  { checks, failed }: { checks: readonly Check[]; failed: readonly Check[] },
): Pin | null {
  const isBlamed = (check: Check) => kernelsOf(check).some((name) => blamed.includes(name));
  // No pin avoids the kernels of checks that have no variants.
  const ofVariants = new Set(checks.filter(({ variant }) => variant).flatMap(kernelsOf));
  if (!blamed.every((name) => ofVariants.has(name))) return null;
  return FAMILIES.find((family) => {
    const own = checks.filter(({ variant }) => variant && familyOf(variant) === family);
    return own.length > 0 && !own.some((check) => isBlamed(check) || failed.includes(check));
  }) ?? null;
}
