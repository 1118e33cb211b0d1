/**
 * Initial values of parameters, drawn as in torchvision.
 *
 * @module
 */
import type { Initializer } from "./parameters.ts";

/** Every value the same. */
export function constant(value: number): Initializer {
  return (values) => values.fill(value);
}

/** Normal with deviation √(2 / fanOut): He et al. 2015, as torchvision initializes its ResNets' convolutions. */
export function kaimingNormal(fanOut: number): Initializer {
  return normal(Math.sqrt(2 / fanOut));
}

/** Normal with the given deviation. */
export function normal(deviation: number): Initializer {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  };
}

/** Uniform in ±1/√fanIn: PyTorch's default for the weights and biases of linear layers. */
export function uniformByFanIn(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = random.between(-bound, bound);
  };
}
