/**
 * What would make training faster on this machine.
 *
 * @module
 */
import type { AdapterFacts } from "./adapter_facts.ts";
import type { Decoding } from "./decode_rate.ts";
import type { Expectation } from "./expectations.ts";

/** Hints, each with what to do. */
export function hintsFor(
  { adapter, decoding, expectations }: {
    adapter: AdapterFacts;
    decoding: Decoding;
    expectations: readonly Expectation[];
  },
): string[] {
  return [...driverHints(adapter), ...dataHints(decoding, { expectations, software: adapter.software })];
}

function driverHints(adapter: AdapterFacts): string[] {
  const { backend, driver, software, subgroups, features } = adapter, hints: string[] = [];
  if (backend === "OpenGL") {
    hints.push(
      "The backend is OpenGL, which is slower than Vulkan. Install the Vulkan driver of your GPU; without a GPU, Mesa's " +
        "(Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1).",
    );
  } else if (software && driver === "Mesa lavapipe") {
    hints.push(
      "The adapter computes on the CPU: small images and networks train in hours, ResNet-50 at 224 px needs a GPU. " +
        "Mesa 25 is 1.5 to 2 times as fast as Mesa 22.3: install a newer version if your system has one.",
    );
  } else if (software) {
    hints.push(
      "The adapter computes on the CPU. Mesa's Vulkan driver (lavapipe) is the fastest of those we measured.",
    );
  }
  if (software && subgroups?.max !== 8) {
    hints.push("The fast kernels for CPUs need subgroups of 8 lanes, which this driver lacks.");
  }
  if (!features.granted.includes("timestamp-query")) {
    hints.push("The driver has no timestamps (timestamp-query), so --profile does not work here.");
  }
  return hints;
}

/** Workers should decode more images than the GPU takes, by this factor. */
const MARGIN = 1.2;

function dataHints(
  { imagesPerSecond: each, workers, photo }: Decoding,
  { expectations, software }: { expectations: readonly Expectation[]; software: boolean },
): string[] {
  const fastest = Math.max(...expectations.map(({ imagesPerSecond }) => imagesPerSecond), 0);
  const all = each * workers, wanted = MARGIN * fastest;
  if (fastest === 0) return [];
  if (all < wanted) {
    return [
      `${workers} Workers decode ${
        all.toFixed(0)
      } photos of ${photo.width} × ${photo.height} pixels per second, fewer ` +
      `than the GPU would train (${
        fastest.toFixed(0)
      }). --cache memory or disk keeps decoded images for later epochs.`,
    ];
  }
  const enough = Math.max(1, Math.ceil(wanted / each));
  return software && enough < workers
    ? [
      `--workers ${enough} decodes fast enough for this adapter; more Workers would take CPU time from it.`,
    ]
    : [];
}
