/**
 * The strict compiler: Chrome's, which refuses what naga lets pass.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/device.ts";
import { moduleOf, pipelineOf } from "../../src/gpu/kernel.ts";
import type { Pipeline } from "./pipelines.ts";

/** Where the kernel called `name` lies. */
export function fileOf(name: string): string {
  return `kernels/${name}.wgsl`;
}

/**
 * Why the compiler refuses a pipeline, "kernels/x.wgsl:12:3: …" for what is wrong with the text; empty if it does not.
 * Warnings count.
 */
export async function refusals(gpu: Gpu, { kernel, constants }: Pipeline): Promise<string[]> {
  const file = fileOf(kernel.name);
  gpu.device.pushErrorScope("validation");
  const { messages } = await moduleOf(gpu, kernel).getCompilationInfo();
  const found = messages.map(({ lineNum, linePos, message }) => `${file}:${lineNum}:${linePos}: ${message}`);
  gpu.pipelines.clear(); // they are known by name, and this kernel may be a changed one
  if (found.length === 0) pipelineOf(gpu, { kernel, constants });
  const error = await gpu.device.popErrorScope();
  if (error && found.length === 0) found.push(`${file} with ${JSON.stringify(constants)}: ${error.message}`);
  return found;
}
