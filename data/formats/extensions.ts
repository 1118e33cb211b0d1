/**
 * What the extension of a file name promises.
 *
 * @module
 */

/** Whether this extension, without the dot, is that of an image format that can be read. */
export function isImageExtension(extension: string): boolean {
  return /^(p?jpe?g|jpe|jfif?|jif|pjp|a?png|webp|gif|tiff?|bmp|dib|p[bgnp]m|pam|avifs?|hei[cf]s?|hif|jxl)$/i
    .test(extension);
}

/** Image kinds that cannot be read, by extension. */
const unreadable: [RegExp, string][] = [
  [
    /^(dng|cr[23w]|nef|nrw|arw|sr[2fw]|orf|rw[2l]|raf|pef|x3f|[md]cr|mrw|3fr|fff|iiq|erf|kdc|mef|mos|gpr)$/i,
    "camera raw",
  ],
  [/^ps[bd]$/i, "Photoshop"],
  [/^xcf$/i, "GIMP"],
  [/^(ico|cur|icns)$/i, "icon"],
  [/^(jp[2cfmx]|j2[ck]|jph|jhc)$/i, "JPEG 2000"],
  [/^(jxr|wdp|hdp)$/i, "JPEG XR"],
  [/^(jls)$/i, "JPEG-LS"],
  [/^(exr|hdr|pfm)$/i, "floating-point image"],
  [/^(dcm|dicom)$/i, "DICOM"],
  [/^(nii|mha|mhd|nrrd)$/i, "medical volume"],
  [/^(svgz?|eps|ai|wmf|emf|cdr)$/i, "vector drawing"],
  [
    /^(tga|pcx|sgi|ras|xbm|xpm|qoi|flif|bpg|dds|ktx2?|wbmp|fits?|djvu?|czi|nd2|lif|svs|ndpi|mrxs)$/i,
    "other image",
  ],
];

/**
 * The kind of image that this extension, without the dot, stands for if it cannot be read: "camera raw", "Photoshop" …;
 * null for extensions of readable images and of what is no image.
 */
export function unreadableImageKind(extension: string): string | null {
  return unreadable.find(([pattern]) => pattern.test(extension))?.[1] ?? null;
}
