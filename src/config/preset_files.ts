/**
 * The built-in presets: files that set many options at once.
 *
 * @module
 */
import cifar from "./presets/cifar.json" with { type: "json" };
import paper40 from "./presets/paper-40.json" with { type: "json" };
import paper100 from "./presets/paper-100.json" with { type: "json" };
import paper300 from "./presets/paper-300.json" with { type: "json" };
import paper1000 from "./presets/paper-1000.json" with { type: "json" };
import small from "./presets/small.json" with { type: "json" };

/** The content of their files, by name. */
export const presetFiles: Readonly<Record<string, unknown>> = {
  "paper-40": paper40,
  "paper-100": paper100,
  "paper-300": paper300,
  "paper-1000": paper1000,
  cifar,
  small,
};

/** Whether there is a built-in preset called `name`. */
export function isPresetName(name: string): boolean {
  return Object.hasOwn(presetFiles, name);
}
