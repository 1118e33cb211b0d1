/**
 * TensorFlow.js on its WebGPU backend: NHWC, its own layout, and its own gradients.
 *
 * @module
 */
import { backboneByName } from "../../src/nn/backbones.ts";
import { type Contender, moved, packages, type Results, watch, type Work } from "./contender.ts";
import { EPS, networkOf, type Operations } from "./network.ts";
import {
  type Convolution,
  firstWeights,
  hasTarget,
  permuted,
  type Product,
  scalars,
  SIZE,
  type TrainingStep,
  values,
  views,
  WITNESS,
} from "./problems.ts";

// deno-lint-ignore no-explicit-any -- its types come with the package, which only the bench installs
type Tensor = any;
type Tensors = Record<string, Tensor>;
/** A result with its gradients. */
type Part = { value: Tensor; grads: Tensor[] };

/** Opens the GPU. */
export async function open(): Promise<Contender> {
  // It advertises its Node.js binding, to standard error.
  const warn = console.warn;
  console.warn = () => {};
  // The package of this name registers the gradients, which tfjs-core alone does not.
  const tf = await import(packages.tensorflow).then((module) => module.default ?? module);
  await import(packages.tensorflowWebgpu);
  console.warn = warn;
  if (!await tf.setBackend("webgpu")) throw new Error("TensorFlow.js finds no WebGPU");
  // Its product with a transposed right side is wrong where it splits a long inner dimension between workgroups
  // (MatMulSplitKProgram takes four columns for four rows): that is the heads' gradient. Not with this threshold.
  tf.env().set("WEBGPU_THRESHOLD_TO_INCREASE_WORKGROUPS_FOR_MATMUL", 1);
  const { device, adapterInfo } = tf.backend();
  const adapter: string = adapterInfo?.description ?? device.adapterInfo.description;
  const check = watch(device);
  // llvmpipe leaves any loop after 65,535 iterations, nested ones counted together, and TensorFlow.js takes one for each
  // image and pixel to find dw. There it gets the images in parts, so that its result is right.
  const longestLoop = adapter.includes("llvmpipe") ? 2 ** 15 : Infinity;

  /** Resolves when all work so far is done: a value read back comes last in the queue. */
  const settled = async (last: Tensor) => {
    const element: Tensor = tf.tidy(() => last.flatten().slice(0, 1));
    await element.data();
    element.dispose();
    check();
  };

  function repeated(solve: () => Tensors): Work {
    let last: Tensors = {};
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          tf.dispose(last);
          last = tf.tidy(solve);
        }
        await settled(Object.values(last)[0]);
      },
      async results() {
        const results: Results = {};
        for (const [name, tensor] of Object.entries(last)) results[name] = await tensor.data();
        return results;
      },
    };
  }

  function product({ size }: Product): Work {
    const a = tf.tensor(values(1, size ** 2), [size, size]),
      b = tf.tensor(values(2, size ** 2), [size, size]);
    return repeated(() => ({ y: tf.matMul(a, b) }));
  }

  function convolution({ batch, size, channels, gradients }: Convolution): Work {
    const shape = [batch, size, size, channels], filter = [3, 3, channels, channels];
    const images = (seed: number) => tf.tensor(values(seed, batch * size * size * channels), shape);
    const x = images(1), dy = images(3), w = tf.tensor(values(2, 9 * channels ** 2), filter);
    const forward = (x: Tensor, w: Tensor): Tensor => tf.conv2d(x, w, 1, 1);
    if (!gradients) return repeated(() => ({ y: forward(x, w) }));
    const both = tf.valueAndGrads(forward);
    const parts = Math.ceil(batch * size ** 2 / longestLoop);
    const xs: Tensor[] = tf.split(x, parts), dys: Tensor[] = tf.split(dy, parts);
    return repeated(() => {
      const done: Part[] = xs.map((x, i) => both([x, w], dys[i]));
      const joined = (chooser: (part: Part) => Tensor) =>
        parts > 1 ? tf.concat(done.map(chooser)) : chooser(done[0]);
      return {
        y: joined(({ value }) => value),
        dx: joined(({ grads }) => grads[0]),
        dw: done.map(({ grads }) => grads[1]).reduce((a, b) => tf.add(a, b)),
      };
    });
  }

  const operations: Operations<Tensor> = {
    again: (x) => x,
    add: tf.add,
    relu: tf.relu,
    convolution: (x, w, { stride, pad }) => tf.conv2d(x, w, stride, pad),
    normalize(x, gamma, beta) {
      const channels = x.shape[x.shape.length - 1];
      const split = tf.reshape(x, [2, x.size / channels / 2, channels]);
      const { mean, variance } = tf.moments(split, 1, true);
      const scale = tf.mul(tf.rsqrt(tf.add(variance, EPS)), gamma);
      return tf.reshape(tf.add(tf.mul(split, scale), tf.sub(beta, tf.mul(mean, scale))), x.shape);
    },
    pool: (x) => tf.mean(x, [1, 2]),
    product: tf.matMul,
  };

  const directions = (x: Tensor): Tensor => tf.div(x, tf.norm(x, "euclidean", 1, true));

  function step({ backbone, batch }: TrainingStep): Work {
    const { lr, momentum, weightDecay, tau } = scalars;
    const { project, predict } = networkOf(operations, backboneByName(backbone));
    const weights = firstWeights(backbone);
    const theta: Tensors = {}, xi: Tensors = {}, velocity: Tensors = {};
    for (const [name, { shape, data }] of weights) {
      const axes = [[0], [1, 0], [], [2, 3, 1, 0]][shape.length - 1];
      const tensor = tf.tensor(permuted(data, shape, axes), axes.map((axis) => shape[axis]));
      theta[name] = tf.variable(tensor);
      if (hasTarget(name)) xi[name] = tf.variable(tensor, false);
      velocity[name] = tf.variable(tf.zerosLike(tensor), false);
      tensor.dispose();
    }
    const list = Object.values(theta);
    const pixels = views(batch, { channels: 3 });

    const train = (): Tensor => {
      const images = tf.tensor(pixels, [2 * batch, SIZE, SIZE, 3]);
      const z = project(xi, images);
      const D = z.shape[1];
      const towards = directions(tf.reshape(tf.reverse(tf.reshape(z, [2, batch, D]), 0), [2 * batch, D]));
      const { value, grads } = tf.variableGrads(() => {
        const q = directions(predict(theta, project(theta, images)));
        return tf.add(tf.mul(tf.sum(tf.mul(q, towards)), -2 / batch), 4);
      }, list);
      for (const [name, parameter] of Object.entries(theta)) {
        const g = grads[parameter.name];
        const decayed = parameter.shape.length > 1 ? tf.add(g, tf.mul(parameter, weightDecay)) : g;
        velocity[name].assign(tf.add(tf.mul(velocity[name], momentum), decayed));
        parameter.assign(tf.sub(parameter, tf.mul(velocity[name], lr)));
        xi[name]?.assign(tf.add(tf.mul(xi[name], tau), tf.mul(parameter, 1 - tau)));
      }
      return value;
    };

    let loss: Tensor;
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          loss?.dispose();
          loss = tf.tidy(train);
        }
        await settled(loss);
      },
      async results() {
        const { shape, data } = weights.get(WITNESS)!;
        const [K, C, R, S] = shape;
        const read = async (tensor: Tensor) =>
          moved(permuted(await tensor.data(), [R, S, C, K], [3, 2, 0, 1]), data);
        return {
          loss: await loss.data(),
          online: await read(theta[WITNESS]),
          target: await read(xi[WITNESS]),
        };
      },
    };
  }

  return {
    adapter,
    create: (problem) =>
      problem.kind === "step"
        ? step(problem)
        : problem.kind === "product"
        ? product(problem)
        : convolution(problem),
  };
}
