/**
 * Recognizes files that hold no weights by how they begin.
 *
 * @module
 */
import { kindOf } from "../../data/formats/kind.ts";
import { UserError } from "../base/errors.ts";
import { isTorchFile } from "../io/torch_file.ts";

/** Bytes that are enough to recognize a file. */
export const HEAD_BYTES = 512;

/** What is advised for images, and would mislead here. */
const IMAGE_ADVICE =
  /: (convert|render|develop|export|extract|name|unpack|delete|use|no image)\b.*$|, no image(?=:|$)/;

/**
 * Throws unless a file that begins with `head` may hold weights; `name` names it in messages.
 *
 * @throws {UserError} that says what it is.
 */
export function expectWeightsHead(name: string, head: Uint8Array): void {
  if (isTorchFile(head) || isSafetensors(head)) return;
  const kind = kindOf(head);
  const what = kind.format === null ? kind.what.replace(IMAGE_ADVICE, "") : `an image (${kind.format})`;
  throw new UserError(
    `Cannot read the weights "${name}": it is ${what}. Expected are safetensors, or what torch.save wrote (.pth, .pt).`,
  );
}

/** Safetensors begin with the length of a header of JSON. */
function isSafetensors(head: Uint8Array): boolean {
  if (head.length < 9) return false;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  return head[8] === 0x7b && length >= 2n && length < 2n ** 32n;
}

/**
 * Throws unless the file at `path` may hold weights; a file that cannot be read is left to its reader.
 *
 * @throws {UserError} that says what it is.
 */
export async function expectWeightsFile(path: string, name: string): Promise<void> {
  const head = new Uint8Array(HEAD_BYTES);
  let read: number | null;
  try {
    using file = await Deno.open(path);
    read = await file.read(head);
  } catch {
    return;
  }
  expectWeightsHead(name, head.subarray(0, read ?? 0));
}
