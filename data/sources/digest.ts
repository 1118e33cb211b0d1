/**
 * SHA-256 for fingerprints and downloads.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The SHA-256 of a text in UTF-8, or of bytes, in hexadecimal. */
export async function digest(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The SHA-256 of the file at `path`. */
export async function digestOfFile(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256"), buffer = new Uint8Array(1 << 20);
  for (let read; (read = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, read));
  return hash.digest("hex");
}

/** Characters hashed at a time. */
const PIECE = 1 << 16;

/** The SHA-256 of texts, one to a line, which together may be too long for one text. */
export function digestOfParts(parts: Iterable<string>): string {
  const hash = createHash("sha256");
  let piece = "";
  for (const part of parts) {
    piece += `${part}\n`;
    if (piece.length < PIECE) continue;
    hash.update(piece);
    piece = "";
  }
  return hash.update(piece).digest("hex");
}
