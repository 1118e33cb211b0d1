/** What a training step left on the GPU, beside what PyTorch's did: groups of tensors, each taken as one vector. */
import { assert, assertEquals, relativeError } from "../assert.ts";
import type { TorchTensors } from "../../src/inspect/doctor/torch_replay.ts";
import type { TensorEntry } from "../../src/io/safetensors.ts";

/** Asserts that the groups have PyTorch's tensors, and are within three times its errors of them. */
export function assertGroups(
  groups: Record<string, TorchTensors>,
  { tensors, metadata }: { tensors: Map<string, TensorEntry>; metadata: { errors: Record<string, number> } },
): void {
  const known = [...tensors.keys()].filter((name) => !name.startsWith("grad1."));
  assertEquals(
    Object.values(groups).flatMap((tensors) => [...tensors.keys()]).sort(),
    known.sort(),
    "other tensors than PyTorch's",
  );
  for (const [group, found] of Object.entries(groups)) {
    const [actual, expected]: number[][] = [[], []];
    for (const [name, { shape, data }] of found) {
      const reference = tensors.get(name);
      assert(reference, `the golden file has no ${name}`);
      assert(reference.shape.join() === shape.join(), `${name} is [${shape}], expected [${reference.shape}]`);
      actual.push(...data);
      expected.push(...reference.data);
    }
    const error = relativeError(actual, expected), allowed = 3 * metadata.errors[group];
    assert(error <= allowed, `${group} after ten steps is off by ${error}, allowed are ${allowed}`);
  }
}
