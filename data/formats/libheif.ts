/**
 * Decodes HEIC by libheif and libde265, which are under the LGPL: a module of its own, loaded at the first HEIC. An import map
 * can replace it; see docs/dependencies.md.
 *
 * @module
 */
import type { Pixels } from "./format.ts";
import { orTooLarge, reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used here. Failures are objects with a `code`. */
interface Libheif {
  heif_context_alloc(): number;
  heif_context_free(context: number): void;
  heif_context_read_from_memory(context: number, bytes: Uint8Array): { code: unknown };
  heif_js_context_get_primary_image_handle(context: number): { code?: unknown };
  heif_image_handle_release(handle: unknown): void;
  heif_js_decode_image2(
    handle: unknown,
    colorspace: unknown,
    chroma: unknown,
  ): { code?: unknown; image: unknown; channels: Channel[] };
  heif_image_release(image: unknown): void;
  heif_error_code: { heif_error_Ok: unknown };
  heif_colorspace: { heif_colorspace_RGB: unknown };
  heif_chroma: { heif_chroma_interleaved_RGBA: unknown };
  heif_channel: { heif_channel_interleaved: unknown };
}

interface Channel {
  id: unknown;
  width: number;
  height: number;
  /** Bytes of a row. */
  stride: number;
  data: Uint8Array;
}

const silent = () => {};
// A new one for each image, in 25 ms: of damaged data libde265 leaves pixels as it finds them in its memory, and those of the
// image before would show.
const withLibheif = reusable(async (): Promise<Libheif> => {
  const { default: createLibheif } = await import("npm:libheif-js@1.23.2/libheif-wasm/libheif-bundle.mjs");
  return await createLibheif({ print: silent, printErr: silent }) as Libheif;
}, { maxPixels: 0 });

/** Decodes the primary image of an HEIC, of `size` pixels before it is cropped and turned. */
export async function decodeHevc(bytes: Uint8Array, size: number): Promise<Pixels> {
  const pixels = await withLibheif(size, (libheif) => {
    const context = libheif.heif_context_alloc();
    try {
      const { code } = libheif.heif_context_read_from_memory(context, bytes);
      if (code !== libheif.heif_error_code.heif_error_Ok) throw new Error("unreadable");
      return decodePrimary(libheif, context);
    } finally {
      libheif.heif_context_free(context);
    }
  });
  if (!pixels) throw new Error(`it is a damaged or unsupported HEIC${orTooLarge(size)}`);
  return pixels;
}

function decodePrimary(libheif: Libheif, context: number): Pixels {
  const handle = libheif.heif_js_context_get_primary_image_handle(context);
  if (!handle || handle.code !== undefined) throw new Error("no image");
  const { heif_colorspace_RGB } = libheif.heif_colorspace,
    { heif_chroma_interleaved_RGBA } = libheif.heif_chroma;
  const decoded = libheif.heif_js_decode_image2(handle, heif_colorspace_RGB, heif_chroma_interleaved_RGBA);
  libheif.heif_image_handle_release(handle);
  if (!decoded || decoded.code !== undefined) throw new Error("not decoded");
  const channel = decoded.channels.find(({ id }) => id === libheif.heif_channel.heif_channel_interleaved);
  if (!channel) throw new Error("no colors");
  const { width, height, stride } = channel, data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    data.set(channel.data.subarray(y * stride, y * stride + 4 * width), 4 * y * width);
  }
  libheif.heif_image_release(decoded.image);
  return { width, height, data };
}
