/**
 * The sizes of a convolution.
 *
 * @module
 */

/** The sizes of a convolution, but for the number of images: images, filters, taps. */
export interface Geometry {
  H: number;
  W: number;
  C: number;
  P: number;
  Q: number;
  K: number;
  R: number;
  S: number;
  stride: number;
  pad: number;
}
