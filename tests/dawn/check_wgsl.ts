/**
 * `deno task check:wgsl`: Chrome's compiler accepts every kernel under kernels/, with all values of its constants that the
 * code uses. It runs apart from the suite as its compiler is a large package, see dawn.ts.
 */
import { assert, assertEquals } from "../assert.ts";
import { kernelFiles } from "../kernel_files.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { installDawn } from "./dawn.ts";
import { type Pipeline, pipelines } from "./pipelines.ts";
import { refusals } from "./strict.ts";

await installDawn({ computes: false });
const gpu = await openGpu();
const all = pipelines();

/** A pipeline that joins `file`, whose `text`, which stands there once, is replaced. */
function changed(file: string, text: string, replacement: string): { pipeline: Pipeline; line: number } {
  const { kernel, constants } = all.find(({ kernel }) => file in kernel.files)!;
  const [before, ...after] = kernel.files[file].split(text);
  assertEquals(after.length, 1, `how often ${file} has ${text}`);
  const files = { ...kernel.files, [file]: before + replacement + after[0] };
  return { pipeline: { kernel: { ...kernel, files }, constants }, line: before.split("\n").length };
}

Deno.test("check:wgsl compiles every kernel with all values of its constants", async () => {
  const found = new Set<string>();
  for (const pipeline of all) {
    for (const message of await refusals(gpu, pipeline)) found.add(message);
  }
  assert(found.size === 0, `\n${[...found].join("\n")}`);
  console.log(`${all.length} pipelines of ${new Set(all.map(({ kernel }) => kernel.name)).size} kernels`);
});

Deno.test("pipelines() reaches every file in kernels/, parts included", () => {
  const reached = new Set(all.flatMap(({ kernel }) => Object.keys(kernel.files)));
  assertEquals(
    kernelFiles().filter((file) => !reached.has(file)),
    [],
    "files that no trace reaches: have tests/dawn/pipelines.ts trace what uses them",
  );
});

Deno.test("check:wgsl rejects & and | beside a shift without parentheses, with file and line", async () => {
  const shifts = [
    ["views/resize_rows.wgsl", "byte.r | (byte.g << 8u) | (byte.b << 16u)"],
    ["views/resize_columns.wgsl", "vec4i((pixel >> vec4u(8u)) & vec4u(255u))"],
    ["views/resize_columns.wgsl", "r | (g << vec4u(8u)) | (b << vec4u(16u))"],
    ["parts/view_colors.wgsl", "(kinds >> vec3u(6u)) & vec3u(3u)"],
    ["views/colors.wgsl", "vec4f((bytes >> vec4u(8u)) & vec4u(255u))"],
  ];
  for (const [file, text] of shifts) {
    const without = text.replace(/\((\w+(?:\.\w)? (?:<<|>>) \w+(?:\(\w+\))?)\)/g, "$1");
    assert(without.length < text.length, `${text} without parentheses`);
    const { pipeline, line } = changed(file, text, without);
    const found = await refusals(gpu, pipeline);
    const expected = new RegExp(
      `^kernels/${file}:${line}:\\d+: mixing '(&|\\||>>)' and '(<<|>>|&)' requires`,
    );
    assert(found.length > 0 && expected.test(found[0]), `${without} in line ${line}: ${found}`);
  }
});

Deno.test("check:wgsl rejects a contract that does not fit its kernel", async () => {
  const { kernel, constants } = all.find(({ kernel }) => kernel.name === "add")!;
  const readOnly = { ...kernel, bindings: { ...kernel.bindings, into: "read" } as const };
  const found = await refusals(gpu, { kernel: readOnly, constants });
  assert(found.length === 1 && found[0].startsWith("add with {}: "), `${found}`);
});
