/**
 * What would make training faster on this machine.
 *
 * @module
 */
import type { AdapterFacts } from "./adapter_facts.ts";
import type { Decoding } from "./decode_rate.ts";
import type { Expectation } from "./expectations.ts";

/** Sentences, each with what to do. */
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
      "The driver is OpenGL's, which is slower than Vulkan's. Install the Vulkan driver of your GPU; without a GPU, " +
        "Mesa's (Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1).",
    );
  } else if (software && driver === "Mesa lavapipe") {
    hints.push(
      "Mesa computes on the CPU here: small images and networks train in hours, ResNet-50 at 224 px needs a GPU. " +
        "Mesa 25 was measured 1.5 to 2 times as fast as Mesa 22.3: install a newer one where the system has it.",
    );
  } else if (software) {
    hints.push(
      "The adapter computes on the CPU. Mesa's Vulkan driver (lavapipe) is the fastest of those that were measured.",
    );
  }
  if (software && subgroups?.max !== 8) {
    hints.push("The fast kernels for CPUs need subgroups of 8 lanes, which this driver has not.");
  }
  if (!features.granted.includes("timestamp-query")) {
    hints.push("The driver tells no time (timestamp-query): --profile has nothing to show here.");
  }
  return hints;
}

/** Workers keep up with a GPU if they decode some more than it takes. */
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
      } photographs of ${photo.width} × ${photo.height} pixels a second, fewer ` +
      `than the GPU would take (${
        fastest.toFixed(0)
      }): --cache memory or disk keeps what was decoded for later epochs.`,
    ];
  }
  const enough = Math.max(1, Math.ceil(wanted / each));
  return software && enough < workers
    ? [
      `--workers ${enough} decodes enough for what the adapter trains; more of them leave it less of the CPU.`,
    ]
    : [];
}
