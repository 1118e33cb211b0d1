/**
 * Why an image is not used: it is bad, or the options leave it out.
 *
 * @module
 */
import { messageOf } from "../src/base/errors.ts";

/** Why an image is not used. */
export interface Rejection {
  /** What is wrong with the image, such as "it is empty". */
  reason: string;
  /** Set if the options leave the image out; it is not a bad one then. */
  leftOut?: true;
}

/** Thrown for an image that the options leave out. */
export class LeftOutError extends Error {}

/** The rejection of an image for which `error` was thrown. */
export function rejectionOf(error: unknown): Rejection {
  return { reason: messageOf(error), ...error instanceof LeftOutError && { leftOut: true } };
}
