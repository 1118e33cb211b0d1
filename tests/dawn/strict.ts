/**
 * The strict compiler: Chrome's, which refuses what naga lets pass.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/device.ts";
import { placeOf } from "../../src/gpu/compile_errors.ts";
import { moduleOf, pipelineOf } from "../../src/gpu/kernel.ts";
import type { Pipeline } from "./pipelines.ts";

/** What no kernel is to blame for: Dawn's adapter without a driver has little workgroup memory, and subgroups of 128. */
const BEYOND = /^The total use of workgroup storage |must be a multiple of the device maxSubgroupSize /;

/**
 * Why the compiler refuses a pipeline, "kernels/x.wgsl:12:3: …" for what is wrong with the text; empty if it does not.
 * Warnings count.
 */
export async function refusals(gpu: Gpu, { kernel, constants }: Pipeline): Promise<string[]> {
  gpu.device.pushErrorScope("validation");
  const { messages } = await moduleOf(gpu, kernel).getCompilationInfo();
  const found = messages.map(({ lineNum, linePos, message }) => {
    const { file, line } = placeOf(kernel.files, lineNum);
    return `${file}:${line}:${linePos}: ${message}`;
  });
  gpu.pipelines.clear(); // they are known by name, and this kernel may be a changed one
  if (found.length === 0) pipelineOf(gpu, { kernel, constants });
  const error = await gpu.device.popErrorScope();
  if (error && found.length === 0 && !BEYOND.test(error.message)) {
    found.push(`${kernel.name} with ${JSON.stringify(constants)}: ${error.message}`);
  }
  return found;
}
