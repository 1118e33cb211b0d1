/** Prints the name of the adapter, and its subgroup size if there is only one. */
import { openGpu } from "../../src/gpu/device.ts";

using gpu = await openGpu();
console.log(`${gpu.name}, subgroups of ${gpu.subgroupSize || "several sizes, or none"}`);
