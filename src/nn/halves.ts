/**
 * The copies in float16 of a network's parameters, where the host has written these. In training the optimizer writes both.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Memory } from "../gpu/memory.ts";
import type { DeviceProfile } from "../graph/device_profile.ts";
import { DispatchList } from "../graph/dispatch_list.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { tensorIn } from "../graph/tensor.ts";
import { cast } from "../ops/cast.ts";
import type { Network } from "./parameters.ts";

/** The copying of all parameters of `networks`, which compute in float16. */
export function copiesOf(networks: readonly Network[], profile: DeviceProfile): DispatchList {
  const list = new DispatchList(profile);
  for (const { parameters: { store }, halves } of networks) {
    if (!halves) throw new TypeError(`Cannot copy "${store.name}": its network computes in float32`);
    const shape = [store.bytes / 4 / 64, 64];
    cast(list, { x: tensorIn(store, { shape }), y: tensorIn(halves, { shape, type: "f16" }) });
  }
  return list;
}

/** Copies all parameters of a network in `memory` once; if it computes in float32, there is nothing to copy. */
export function writeHalves(memory: Memory, network: Network): void {
  if (!network.halves) return;
  using program = new Program(memory, copiesOf([network], deviceProfileOf(memory.gpu)));
  program.run();
}

/** @throws {MachineError} if the machine has no float16; `what` it cannot do then in mixed precision. */
export function expectHalves({ halfPrecision }: DeviceProfile, what: string): void {
  if (halfPrecision === false) {
    throw new MachineError(`Cannot ${what} in mixed precision: this adapter has no float16.`, {
      problem: "precision",
    });
  }
}
