/**
 * The presets that `--preset` names: files that set many options at once, any of which a flag overrides.
 *
 * @module
 */
import cifar from "./presets/cifar.json" with { type: "json" };
import paper40 from "./presets/paper-40.json" with { type: "json" };
import paper100 from "./presets/paper-100.json" with { type: "json" };
import paper300 from "./presets/paper-300.json" with { type: "json" };
import paper1000 from "./presets/paper-1000.json" with { type: "json" };
import small from "./presets/small.json" with { type: "json" };

/** The built-in ones, as their files have them. */
export const presetFiles: Readonly<Record<string, unknown>> = {
  "paper-40": paper40,
  "paper-100": paper100,
  "paper-300": paper300,
  "paper-1000": paper1000,
  cifar,
  small,
};

/** Whether `name` is that of a built-in preset. */
export function isPresetName(name: string): boolean {
  return Object.hasOwn(presetFiles, name);
}
