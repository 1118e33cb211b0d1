/**
 * How a parameter lies in memory here and in PyTorch's files.
 *
 * Convolutions are [R, S, C, K] here, so that neighboring filters are neighbors in memory, and [K, C, R, S] there.
 * Here C is padded to a multiple of 4; the padding is 0 and stays 0, since the padded channels of the images are.
 *
 * @module
 */

/** The two shapes of a parameter, and the conversions between them. */
export interface Layout {
  /** The shape in GPU memory. */
  readonly shape: readonly number[];
  /** The shape in a file that PyTorch reads. */
  readonly torchShape: readonly number[];
  /** From GPU memory to PyTorch's order. */
  toTorch(values: Float32Array): Float32Array;
  /** From PyTorch's order to GPU memory. */
  fromTorch(values: Float32Array): Float32Array;
}

/** A parameter of one axis: bias, scale, running statistic. */
export function vectorLayout(n: number): Layout {
  return {
    shape: [n],
    torchShape: [n],
    toTorch: (values) => values.slice(),
    fromTorch: (values) => values.slice(),
  };
}

/** A factor for each channel, of three axes in PyTorch, where channels come before rows and columns. */
export function scaleLayout(n: number): Layout {
  return { ...vectorLayout(n), torchShape: [n, 1, 1] };
}

/** The weights of a depthwise convolution with `kernelSize` × `kernelSize` pixels: [R, S, 1, C] here, [C, 1, R, S] there. */
export function depthwiseLayout({ channels, kernelSize }: { channels: number; kernelSize: number }): Layout {
  return matrixLayout({
    shape: [kernelSize, kernelSize, 1, channels],
    torchShape: [channels, 1, kernelSize, kernelSize],
  });
}

/** The weights of a convolution with `kernelSize` × `kernelSize` pixels. */
export function convLayout(
  { inChannels, outChannels, kernelSize }: { inChannels: number; outChannels: number; kernelSize: number },
): Layout {
  const C = Math.ceil(inChannels / 4) * 4;
  return matrixLayout({
    shape: [kernelSize, kernelSize, C, outChannels],
    torchShape: [outChannels, inChannels, kernelSize, kernelSize],
  });
}

/** The weights of a linear layer: [1, 1, in, out] here, [out, in] there. */
export function linearLayout(
  { inFeatures, outFeatures }: { inFeatures: number; outFeatures: number },
): Layout {
  return matrixLayout({ shape: [1, 1, inFeatures, outFeatures], torchShape: [outFeatures, inFeatures] });
}

function matrixLayout(
  { shape, torchShape }: { shape: readonly number[]; torchShape: readonly number[] },
): Layout {
  const [R, S, C, K] = shape;
  const inChannels = torchShape[1];
  /** Calls `visit(here, there)` for each element that both layouts have. */
  const each = (visit: (here: number, there: number) => void) => {
    for (let k = 0, there = 0; k < K; k++) {
      for (let c = 0; c < inChannels; c++) {
        for (let rs = 0; rs < R * S; rs++, there++) visit((rs * C + c) * K + k, there);
      }
    }
  };
  return {
    shape,
    torchShape,
    toTorch(values) {
      const result = new Float32Array(K * inChannels * R * S);
      each((here, there) => result[there] = values[here]);
      return result;
    },
    fromTorch(values) {
      const result = new Float32Array(R * S * C * K);
      each((here, there) => result[here] = values[there]);
      return result;
    },
  };
}
