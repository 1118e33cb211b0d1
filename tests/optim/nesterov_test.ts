import { assert, assertClose } from "../assert.ts";
import { evaluationGolden } from "../eval/golden.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { plainOptimizer } from "../../src/eval/heads.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { sizeOf, tensorIn } from "../../src/graph/tensor.ts";
import { constant } from "../../src/nn/init.ts";
import { vectorLayout } from "../../src/nn/layout.ts";
import { createNetwork, Scope } from "../../src/nn/parameters.ts";
import { packStep, STEP_BYTES } from "../../src/optim/optimizer.ts";

const { cases, expected } = await evaluationGolden("nesterov");

for (const { name, sizes: { shape, lr, mu: momentum, decay: weightDecay } } of cases) {
  Deno.test(`createOptimizer() with Nesterov's momentum matches PyTorch's ${name}`, onGpu, async () => {
    const gpu = await sharedGpu(), n = sizeOf(shape);
    using memory = new Memory(gpu);
    const network = createNetwork("network", { gradients: true });
    const layout = { ...vectorLayout(n), shape, torchShape: shape };
    const theta = new Scope(network).parameter("theta", { layout, init: constant(0) });
    const tape = newTape({ maxBinding: gpu.limits.maxBinding });
    const optimizer = plainOptimizer(network, tape.target);
    const scalars: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
    optimizer.record(tape, tensorIn(scalars, { shape: [STEP_BYTES / 4] }));
    using program = new Program(memory, tape);
    optimizer.prepare(memory);
    memory.write(network.parameters.store, hashSigned(`${name}.theta`, n) as Float32Array<ArrayBuffer>);
    memory.write(scalars, packStep({ lr, momentum, weightDecay, tau: 0.5, slot: 0 }));
    for (const gradient of ["g1", "g2"]) {
      memory.write(network.gradients!, hashSigned(`${name}.${gradient}`, n) as Float32Array<ArrayBuffer>);
      program.run();
    }
    const read = async (store: Store) => (await memory.read({ ...theta.region!, store })).subarray(0, n);
    assertClose("theta", await read(network.parameters.store), expected(`${name}.theta`), { absolute: 3e-7 });
    assertClose("momentum", await read(optimizer.velocity), expected(`${name}.momentum`), { absolute: 3e-7 });
    assert(expected(`${name}.theta`)[0] !== hashSigned(`${name}.theta`, n)[0]);
  });
}
