/**
 * A kernel is compiled from several files, joined. What a compiler says of the joined text is said here of the file and line.
 *
 * @module
 */

/** WGSL by its file under kernels/. */
export type Files = Readonly<Record<string, string>>;

/** `files` as one text, in their order. */
export function joinedFiles(files: Files): string {
  return Object.values(files).join("\n");
}

/** The file and its line, both counted from 1, of line `line` of the joined `files`. */
export function placeOf(files: Files, line: number): { file: string; line: number } {
  const entries = Object.entries(files);
  let rest = line;
  for (const [file, text] of entries) {
    const lines = text.split("\n").length;
    if (rest <= lines) return { file: `kernels/${file}`, line: rest };
    rest -= lines;
  }
  throw new RangeError(`Cannot find line ${line}: the kernel ends before it`);
}

/** Where wgpu's messages name the shader: those about its syntax, and as the file those about its meaning. */
const LABEL = /Shader '(.+?)'|\[ShaderModuleDescriptor "+(.+?)"+\]/, PLACE = /┌─ (.+?):(\d+):(\d+)/;
/** Where Dawn's messages have line and column. */
const DAWN_PLACE = /()(?<=^|\s):(\d+):(\d+)(?= (?:error|warning))/;

/**
 * `message`, an error of the device, with the file and line first if it is about the text of one of `modules`, the files of
 * shaders by label. Line numbers in the excerpt are those of the file too.
 */
export function locateError(message: string, modules: ReadonlyMap<string, Files>): string {
  const found = PLACE.exec(message) ?? DAWN_PLACE.exec(message);
  if (!found) return message;
  const label = LABEL.exec(message), name = label?.[1] ?? label?.[2] ?? found[1];
  const files = modules.get(name);
  if (!files) return message;
  const { file, line } = placeOf(files, Number(found[2]));
  const place = `${file}:${line}:${found[3]}`;
  const text = message.trim()
    .replace(/^Shader (?:'.+?' parsing|validation) error: /, "")
    .replace(PLACE, `┌─ ${place}`)
    .replace(
      /^( *)(\d+)(?= │)/gm,
      (gutter, indent, n) => `${indent}${placeOf(files, Number(n)).line}`.padStart(gutter.length),
    );
  return `${place} (${name}): ${text}`;
}
