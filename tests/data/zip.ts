/** Zip archives for tests. */
import {
  Uint8ArrayReader,
  Uint8ArrayWriter,
  ZipWriter,
} from "npm:@zip.js/zip.js@2.24.0/lib/zip-core-native.js";

/** An archive of `files`; those with "locked" in their name are encrypted, those with "stored" not compressed. */
export async function zip(files: Record<string, Uint8Array>): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, bytes] of Object.entries(files)) {
    await writer.add(name, new Uint8ArrayReader(bytes), {
      level: name.includes("stored") ? 0 : 6,
      password: name.includes("locked") ? "secret" : undefined,
      directory: name.endsWith("/"),
    });
  }
  return await writer.close();
}
