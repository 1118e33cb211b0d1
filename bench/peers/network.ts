/**
 * BYOL's networks and loss for the peers, written once in terms of a few operations that each supplies. What they
 * compute is what `src/` does, but for the running statistics and z_std, which the peers are spared.
 *
 * @module
 */
import type { BackboneConfig } from "../../src/nn/backbones.ts";

/** The operations; `T` is the library's tensor. Convolutions take images and weights in the library's own layout. */
export interface Operations<T> {
  /** `x` for one more use: each use takes a reference where the library counts them. */
  again(x: T): T;
  add(a: T, b: T): T;
  relu(x: T): T;
  convolution(x: T, w: T, options: { stride: number; pad: number }): T;
  /** Batch normalization of images or rows with the statistics of each view: half of the batch. */
  normalize(x: T, gamma: T, beta: T): T;
  /** The mean over the pixels. */
  pool(x: T): T;
  /** x·w, w [in, out]. */
  product(x: T, w: T): T;
}

/** The parameters by torchvision's names. */
export type Parameters<T> = Readonly<Record<string, T>>;

/** The networks' functions on both views at once. */
export function networkOf<T>(ops: Operations<T>, { block, layers, widths }: BackboneConfig) {
  if (block !== "basic") throw new TypeError("The peers have basic blocks only");

  function normalized(p: Parameters<T>, name: string, x: T): T {
    return ops.normalize(x, p[`${name}.weight`], p[`${name}.bias`]);
  }

  function basicBlock(p: Parameters<T>, name: string, x: T, stride: number): T {
    const weights = p[`${name}.downsample.0.weight`];
    let shortcut = ops.again(x);
    if (weights) {
      shortcut = ops.convolution(shortcut, weights, { stride, pad: 0 });
      shortcut = normalized(p, `${name}.downsample.1`, shortcut);
    }
    let h = ops.convolution(x, p[`${name}.conv1.weight`], { stride, pad: 1 });
    h = ops.relu(normalized(p, `${name}.bn1`, h));
    h = ops.convolution(h, p[`${name}.conv2.weight`], { stride: 1, pad: 1 });
    return ops.relu(ops.add(normalized(p, `${name}.bn2`, h), shortcut));
  }

  function backbone(p: Parameters<T>, images: T): T {
    let x = ops.convolution(images, p["backbone.conv1.weight"], { stride: 1, pad: 1 });
    x = ops.relu(normalized(p, "backbone.bn1", x));
    widths.forEach((_, stage) => {
      for (let i = 0; i < layers[stage]; i++) {
        x = basicBlock(p, `backbone.layer${stage + 1}.${i}`, x, stage > 0 && i === 0 ? 2 : 1);
      }
    });
    return ops.pool(x);
  }

  function head(p: Parameters<T>, name: string, x: T): T {
    const h = ops.add(ops.product(x, p[`${name}.0.weight`]), p[`${name}.0.bias`]);
    return ops.product(ops.relu(normalized(p, `${name}.1`, h)), p[`${name}.3.weight`]);
  }

  return {
    /** z = g(f(images)) */
    project: (p: Parameters<T>, images: T): T => head(p, "projector", backbone(p, images)),
    /** q(z) */
    predict: (p: Parameters<T>, z: T): T => head(p, "predictor", z),
  };
}

/** Batch normalization's guard against a variance of 0. */
export const EPS = 1e-5;
