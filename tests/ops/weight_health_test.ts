import { assertClose } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { cosine } from "../../src/reference/cosine.ts";
import { weightHealth } from "../../src/ops/weight_health.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { type Call, runOp } from "./harness.ts";

/** Blocks of 64 elements, and how many of them have a target: around a chunk of 128 and the lanes that join chunks. */
const cases: [blocks: number, paired: number, maxBinding?: number][] = [
  [1, 1],
  [3, 2],
  [128, 128],
  [129, 127],
  [300, 129],
  [130, 0],
  [8400, 8300], // 66 chunks
  [300, 200, 64 * 256], // in pieces: the target ends within one
];

Deno.test(
  "weightHealth() computes the gradient's norm, and the cosine of online and target weights",
  onGpu,
  async () => {
    const slots = 5, slot = 3;
    for (const [blocks, paired, maxBinding] of cases) {
      const call: Call = {
        shapes: {
          gradient: [blocks, 64],
          theta: [blocks, 64],
          ...paired > 0 && { xi: [paired, 64] },
          ring: [slots, 4],
          step: [8],
        },
        uniform: "step",
        op: (tape, { gradient, theta, xi, ring, step }) =>
          weightHealth(tape, { gradient, theta, xi: xi ?? null, ring, step }),
      };
      const name = `${blocks} blocks, ${paired} with a target`;
      const theta = hashSigned(`theta ${name}`, 64 * blocks);
      // A target that is near: its cosine to the weights is what float32 tells hardly from 1.
      const noise = hashSigned(`xi ${name}`, 64 * paired), xi = noise.map((u, i) => 0.5 * theta[i] + 0.1 * u);
      const values = {
        gradient: hashSigned(`gradient ${name}`, 64 * blocks),
        theta,
        xi,
        ring: hashSigned("ring", 4 * slots),
        step: new Float32Array(packStep({ lr: 1, momentum: 1, weightDecay: 1, tau: 1, slot }).buffer),
      };
      const expected = values.ring.slice();
      const angle = paired > 0 ? cosine([theta, 0], [xi, 0], 64 * paired) : 0;
      const norm = Math.sqrt(values.gradient.reduce((sum, g) => sum + g * g, 0));
      expected.set([norm, angle], 4 * slot + 2);
      for (const target of await targets()) {
        const limits = { maxGrid: 9, ...maxBinding && { maxBinding } };
        const { ring } = await runOp(call, { values, target: { ...target, ...limits } });
        assertClose(`ring of ${name}`, ring, expected, { absolute: 1e-6, relative: 1e-6 });
      }
    }
  },
);

Deno.test(
  "weightHealth() has cosine 1 for equal weights, −1 for opposite ones, 0 without a target",
  onGpu,
  async () => {
    const theta = hashSigned("theta", 64 * 200);
    for (const [factor, expected] of [[1, 1], [-2, -1], [0, 0]]) {
      const call: Call = {
        shapes: { gradient: [200, 64], theta: [200, 64], xi: [200, 64], ring: [1, 4], step: [8] },
        uniform: "step",
        op: (tape, { gradient, theta, xi, ring, step }) =>
          weightHealth(tape, { gradient, theta, xi, ring, step }),
      };
      const step = new Float32Array(
        packStep({ lr: 1, momentum: 1, weightDecay: 1, tau: 1, slot: 0 }).buffer,
      );
      const xi = theta.map((value) => factor * value), ring = new Float32Array(4);
      for (const target of await targets()) {
        const actual = await runOp(call, {
          values: { gradient: theta.map(() => 0), theta, xi, ring, step },
          target,
        });
        assertClose("ring", actual.ring, [0, 0, 0, expected], { absolute: 3e-7 });
      }
    }
  },
);
