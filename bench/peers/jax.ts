/**
 * jax-js, under `jit` throughout: NCHW, the only layout of its convolutions. Arrays are counted by reference: a
 * function uses its arguments up, `.ref` keeps one for another use.
 *
 * @module
 */
import { backboneByName } from "../../src/nn/backbones.ts";
import { type Contender, IN_FLIGHT, moved, packages, type Results, watch, type Work } from "./contender.ts";
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
type NdArray = any;
type Tree = Record<string, NdArray>;

/** Opens the GPU. */
export async function open(): Promise<Contender> {
  const jax = await import(packages.jax);
  const { numpy: np, lax, jit } = jax;
  const available: string[] = await jax.init("webgpu");
  if (!available.includes("webgpu")) throw new Error("jax-js finds no WebGPU");
  jax.defaultDevice("webgpu");
  const device: GPUDevice = jax.getWebGPUDevice();
  const check = watch(device);
  const upload = (data: Float32Array, shape: readonly number[]): NdArray => np.array(data).reshape(shape);

  /** Runs `solve`, whose results stay until the next run or until they are read. */
  function repeated(solve: () => Tree, toResults: (name: string, data: Float32Array) => Float32Array): Work {
    let last: Tree | undefined;
    return {
      async run(count) {
        if (last) jax.tree.dispose(last);
        // What nobody waits for is never computed, so results are kept until they have been waited for.
        for (let left = count; left > 0; left -= IN_FLIGHT) {
          const group: Tree[] = Array.from({ length: Math.min(left, IN_FLIGHT) }, solve);
          await jax.blockUntilReady(group);
          last = group.pop();
          if (left > IN_FLIGHT) group.push(last!);
          for (const each of group) jax.tree.dispose(each);
        }
        check();
      },
      async results() {
        const results: Results = {};
        for (const [name, array] of Object.entries(last!)) {
          results[name] = toResults(name, await array.ref.data());
        }
        return results;
      },
    };
  }

  function product({ size }: Product): Work {
    const a = upload(values(1, size ** 2), [size, size]), b = upload(values(2, size ** 2), [size, size]);
    const multiply = jit((a: NdArray, b: NdArray) => np.matmul(a, b));
    return repeated(() => ({ y: multiply(a.ref, b.ref) }), (_, data) => data);
  }

  const convolve = (x: NdArray, w: NdArray, { stride, pad }: { stride: number; pad: number }): NdArray =>
    lax.convGeneralDilated(x, w, [stride, stride], [[pad, pad], [pad, pad]]);

  function convolution({ batch, size, channels, gradients }: Convolution): Work {
    const shape = [batch, size, size, channels], filter = [3, 3, channels, channels];
    const images = (seed: number) => {
      const nhwc = values(seed, batch * size * size * channels);
      return upload(permuted(nhwc, shape, [0, 3, 1, 2]), [batch, channels, size, size]);
    };
    const x = images(1), dy = images(3);
    const rsck = values(2, 9 * channels ** 2);
    const w = upload(permuted(rsck, filter, [3, 2, 0, 1]), [channels, channels, 3, 3]);
    const forward = (x: NdArray, w: NdArray) => convolve(x, w, { stride: 1, pad: 1 });
    const both = jit((x: NdArray, w: NdArray, dy: NdArray) => {
      const [y, back] = jax.vjp(forward, [x, w]);
      const [dx, dw] = back(dy);
      back.dispose();
      return { y, dx, dw };
    });
    const single = jit((x: NdArray, w: NdArray) => ({ y: forward(x, w) }));
    return repeated(
      gradients ? () => both(x.ref, w.ref, dy.ref) : () => single(x.ref, w.ref),
      (name, data) =>
        name === "dw"
          ? permuted(data, [channels, channels, 3, 3], [2, 3, 1, 0])
          : permuted(data, [batch, channels, size, size], [0, 2, 3, 1]),
    );
  }

  const operations: Operations<NdArray> = {
    again: (x) => x.ref,
    add: (a, b) => a.add(b),
    relu: (x) => np.maximum(x, 0),
    convolution: convolve,
    normalize(x, gamma, beta) {
      const shape: number[] = x.shape;
      const [rows, channels, ...pixels] = shape;
      const axes = pixels.length ? [1, 3, 4] : [1];
      const perChannel = [channels, ...pixels.map(() => 1)];
      const split = x.reshape([2, rows / 2, channels, ...pixels]);
      const centered = split.ref.sub(np.mean(split, axes, { keepdims: true }));
      const variance = np.mean(np.square(centered.ref), axes, { keepdims: true });
      const scale = np.reciprocal(np.sqrt(variance.add(EPS))).mul(gamma.reshape(perChannel));
      return centered.mul(scale).add(beta.reshape(perChannel)).reshape(shape);
    },
    pool: (x) => np.mean(x, [2, 3]),
    product: (x, w) => np.matmul(x, w),
  };

  /** Rows of length 1. */
  const directions = (x: NdArray): NdArray => {
    const lengths = np.sqrt(np.sum(np.square(x.ref), 1, { keepdims: true }));
    return x.div(lengths);
  };

  function step({ backbone, batch }: TrainingStep): Work {
    const { lr, momentum, weightDecay, tau } = scalars;
    const { project, predict } = networkOf(operations, backboneByName(backbone));
    const lossOf = (theta: Tree, images: NdArray, z: NdArray) => {
      const q = predict(theta, project(theta, images));
      const D = q.shape[1];
      const swapped = np.flip(z.reshape([2, batch, D]), 0).reshape([2 * batch, D]);
      const cosines = np.sum(directions(q).mul(directions(swapped)));
      return cosines.mul(-2 / batch).add(4);
    };
    const train = jit((theta: Tree, xi: Tree, velocity: Tree, images: NdArray) => {
      const z = project(jax.tree.ref(xi), images.ref);
      const [loss, gradient] = jax.valueAndGrad(lossOf)(jax.tree.ref(theta), images, z);
      const next = { theta: {} as Tree, xi: {} as Tree, velocity: {} as Tree };
      for (const name of Object.keys(theta)) {
        const decayed = theta[name].shape.length > 1;
        const g = decayed ? gradient[name].add(theta[name].ref.mul(weightDecay)) : gradient[name];
        const v = next.velocity[name] = velocity[name].mul(momentum).add(g);
        const updated = next.theta[name] = theta[name].sub(v.ref.mul(lr));
        if (xi[name]) next.xi[name] = xi[name].mul(tau).add(updated.ref.mul(1 - tau));
      }
      return { ...next, loss };
    });

    const weights = firstWeights(backbone);
    const theta: Tree = {}, xi: Tree = {}, velocity: Tree = {};
    for (const [name, { shape, data }] of weights) {
      const place = () =>
        shape.length === 2
          ? upload(permuted(data, shape, [1, 0]), [shape[1], shape[0]])
          : upload(data.slice(), shape);
      theta[name] = place();
      if (hasTarget(name)) xi[name] = place();
      velocity[name] = np.zeros(theta[name].shape);
    }
    const images = permuted(views(batch, { channels: 3 }), [2 * batch, SIZE, SIZE, 3], [0, 3, 1, 2]);
    let state: Tree = { theta, xi, velocity };
    return {
      async run(count) {
        for (let i = 1; i <= count; i++) {
          if (state.loss) state.loss.dispose();
          state = train(state.theta, state.xi, state.velocity, upload(images, [2 * batch, 3, SIZE, SIZE]));
          // One result is ready when the whole function has run.
          if (i % IN_FLIGHT === 0 || i === count) await state.loss.blockUntilReady();
        }
        check();
      },
      async results() {
        const first = weights.get(WITNESS)!.data;
        return {
          loss: await state.loss.ref.data(),
          online: moved(await state.theta[WITNESS].ref.data(), first),
          target: moved(await state.xi[WITNESS].ref.data(), first),
        };
      },
    };
  }

  return {
    adapter: device.adapterInfo.description,
    create: (problem) =>
      problem.kind === "step"
        ? step(problem)
        : problem.kind === "product"
        ? product(problem)
        : convolution(problem),
  };
}
