/**
 * The copies in float16 of a network's parameters, where the host has written these. In training the optimizer writes both.
 *
 * @module
 */
import type { DeviceProfile } from "../graph/device_profile.ts";
import { DispatchList } from "../graph/dispatch_list.ts";
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
