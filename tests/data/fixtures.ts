/** Images, archives and sources for tests. */
import { crc32, deflateSync } from "node:zlib";
import encodeJpeg from "npm:@jsquash/jpeg@1.6.0/encode.js";
import encodeWebp from "npm:@jsquash/webp@1.5.0/encode.js";
import { concatBytes } from "../../src/base/bytes.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { listedSource } from "../../data/sources/listed.ts";

/** RGBA of a smooth gradient whose colors depend on `seed`. */
export function gradient(width: number, height: number, { seed = 0, alpha = 255 } = {}): ImageData {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const x = i % width, y = Math.floor(i / width);
    data.set([4 * x + 20 * seed, 5 * y + 7 * seed, 128 + 9 * seed - 2 * x, alpha], i * 4);
  }
  return { data, width, height, colorSpace: "srgb" } as ImageData;
}

export async function jpeg(image = gradient(40, 36)): Promise<Uint8Array> {
  return new Uint8Array(await encodeJpeg(image, { quality: 95 }));
}

export async function webp(image = gradient(40, 36)): Promise<Uint8Array> {
  return new Uint8Array(await encodeWebp(image, { lossless: 1, exact: 1 }));
}

/** An 8-bit RGBA PNG. */
export function png({ data, width, height } = gradient(40, 36)): Uint8Array {
  const lines = new Uint8Array(height * (1 + width * 4));
  for (let y = 0; y < height; y++) {
    lines.set(
      data.subarray(y * width * 4, (y + 1) * width * 4) as Uint8ClampedArray,
      y * (1 + width * 4) + 1,
    );
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 6], 8);
  const chunk = (type: string, body: Uint8Array) => {
    const bytes = new Uint8Array(12 + body.length), view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    bytes.set(new TextEncoder().encode(type), 4);
    bytes.set(body, 8);
    view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
    return bytes;
  };
  return concatBytes([
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(lines)),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** A tar entry: header and padded body. */
export function tarEntry(
  name: string,
  body: Uint8Array | string,
  { type = "0", prefix = "", magic = "ustar\x0000" } = {},
): Uint8Array {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const entry = new Uint8Array(512 + Math.ceil(bytes.length / 512) * 512);
  const put = (text: string, at: number) => entry.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put("0000644\0", 100);
  put(bytes.length.toString(8).padStart(11, "0") + "\0", 124);
  put("        ", 148);
  put(type, 156);
  put(magic, 257);
  put(prefix, 345);
  const sum = entry.subarray(0, 512).reduce((a, b) => a + b, 0);
  put(sum.toString(8).padStart(6, "0") + "\0 ", 148);
  entry.set(bytes, 512);
  return entry;
}

/** An archive of `entries` with its end mark. */
export function tar(entries: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatBytes([...entries, new Uint8Array(1024)]);
}

/** A source of the given files in memory; labels are index % 3. */
export function memorySource(files: Uint8Array[]): Promise<IndexedSource> {
  return listedSource({
    name: "memory",
    items: files.map((file, i) => ({ key: `image-${i}`, label: i % 3, file })),
    classes: ["a", "b", "c"],
    identity: String(files.length),
    bytes: ({ file }) => Promise.resolve(file),
  });
}

/** Calls `test` with the path of a new folder holding `files`, and removes it. */
export async function withFolder(
  files: Record<string, Uint8Array | string>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = `${folder}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** `openSource` for an indexed source. */
export async function openIndexed(spec: string): Promise<IndexedSource> {
  const source = await openSource(spec);
  if (source.kind !== "indexed") throw new TypeError(`${spec} is not indexed`);
  return source;
}
