/**
 * Recognizes texts that lie in place of images: error pages, pointers, listings.
 *
 * @module
 */

/** What the text is that begins with `bytes`, to complete "it is …"; null if it is no text. */
export function textKind(bytes: Uint8Array): string | null {
  const text = decodeText(bytes.subarray(0, 1024));
  if (text === null) return null;
  const begin = text.trimStart();
  if (begin.startsWith("version https://git-lfs.github.com/")) return "a Git LFS pointer: run git lfs pull";
  if (/^version .*\noid sha256:/.test(begin)) return "a Git LFS pointer: run git lfs pull";
  if (/(^|\/)\.git\/annex\/objects\//.test(begin)) return "a git-annex pointer: run git annex get";
  if (/^(outs|md5): ?.*\bmd5: /s.test(begin)) return "a DVC pointer: run dvc pull";
  if (/^(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b/is.test(begin)) return page(begin);
  if (/^(<\?xml.*?>\s*|<!--.*?-->\s*|<!DOCTYPE svg.*?>\s*)*<(\w+:)?svg\b/is.test(begin)) {
    return "an SVG, a vector drawing: render it";
  }
  if (/^<(\?xml|\w+[\s>])/.test(begin)) return `XML text, perhaps a server's error: ${quoted(begin)}`;
  if (/^[{[]\s*["{[\]}\d]/.test(begin)) return `JSON text, perhaps a server's error: ${quoted(begin)}`;
  if (/^HTTP\/\d/.test(begin)) return `a server's answer with its header: ${quoted(begin)}`;
  if (/^(\/\* XPM \*\/|#define \w+_width )/.test(begin)) return "an XPM or XBM: convert it";
  if (/^data:image\//.test(begin)) return "a data URL in base64, no image file: decode it";
  if (/^(\/9j\/|iVBORw0KGgo|R0lGOD|UklGR)/.test(begin)) return "an image in base64: decode it";
  if (/^(GET|https?:\/\/)\S/.test(begin)) return "a text with a web address: download what it names";
  return begin === "" ? "blank text, no image" : `text, no image: ${quoted(begin)}`;
}

function page(text: string): string {
  const [, title] = /<title[^>]*>\s*(.*?)\s*(<|$)/is.exec(text) ?? [];
  return `a web page (HTML), as servers send it in place of a missing file${
    title ? `: ${quoted(title)}` : ""
  }`;
}

/** The first words, on one line. */
function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return `“${line.length > 60 ? `${line.slice(0, 59)}…` : line}”`;
}

/** The text of `bytes`, UTF-8 or UTF-16; null if they hold control characters or other encodings. */
function decodeText(bytes: Uint8Array): string | null {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe
    ? "utf-16le"
    : bytes[0] === 0xfe && bytes[1] === 0xff
    ? "utf-16be"
    : null;
  try {
    // A character may be cut off at the end, which streaming allows.
    const text = new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes, { stream: true });
    // deno-lint-ignore no-control-regex
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}
