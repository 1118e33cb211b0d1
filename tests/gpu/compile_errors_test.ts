import { assert, assertEquals, assertThrows } from "../assert.ts";
import { type Files, joinedFiles, locateError, placeOf } from "../../src/gpu/compile_errors.ts";
import { type Kernel, pipelineOf } from "../../src/gpu/kernel.ts";
import { refusalOf } from "../../src/gpu/refusal.ts";
import { onGpu, sharedGpu } from "./shared.ts";

const FILES: Files = {
  "parts/first.wgsl": "const A = 1u;\n\nfn twice(x: u32) -> u32 {\n  return 2u * x;\n}\n",
  "parts/second.wgsl": "// A comment.\nfn half(x: f32) -> f32 {\n  return x / 2.0;\n}\n",
  "own.wgsl": "@compute @workgroup_size(1)\nfn main() {\n  _ = half(f32(twice(A)));\n}\n",
};

/** A kernel of these files, one of them changed. */
function kernelWith(name: string, file: string, [from, to]: [string, string]): Kernel {
  assert(FILES[file].includes(from), from);
  return { name, files: { ...FILES, [file]: FILES[file].replace(from, to) }, bindings: {}, params: {} };
}

Deno.test("placeOf() finds each line of each file", async () => {
  const joined = joinedFiles(FILES).split("\n");
  let found = 0;
  for (const [file, text] of Object.entries(FILES)) {
    const lines = text.trimEnd().split("\n");
    lines.forEach((content, i) => {
      const at = joined.findIndex((_, j) => {
        const place = placeOf(FILES, j + 1);
        return place.file === `kernels/${file}` && place.line === i + 1;
      });
      assertEquals(joined[at], content, `${file}:${i + 1}`);
      found++;
    });
  }
  assertEquals(found, 13);
  await assertThrows(() => placeOf(FILES, joined.length + 1), RangeError, /^Cannot find line 17: /);
});

Deno.test(
  "refusalOf() names file and line of a mistake in a part, and in the kernel's own file",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    const mistakes: [string, [string, string], string][] = [
      ["parts/first.wgsl", ["2u * x", "2u * y"], "kernels/parts/first.wgsl:4:"],
      ["parts/second.wgsl", ["x / 2.0", "x / 2.0 +"], "kernels/parts/second.wgsl:"], // found at the next token
      ["parts/second.wgsl", ["-> f32", "-> u32"], "kernels/parts/second.wgsl:"], // syntax is right, types are not
      ["own.wgsl", ["half(", "third("], "kernels/own.wgsl:3:"],
    ];
    for (const [file, change, place] of mistakes) {
      const kernel = kernelWith(`mistake in ${file}`, file, change);
      const compile = () => void pipelineOf(gpu, { kernel, constants: {} });
      const refusal = await refusalOf(gpu, compile) ?? "";
      gpu.pipelines.clear();
      assert(refusal.startsWith(place), `expected ${place} first in\n${refusal}`);
      assert(refusal.includes(`(mistake in ${file})`), refusal);
      assert(!/wgsl:(?:1\d|[7-9]):/.test(refusal), `a line of the joined text in\n${refusal}`);
    }
    const kernel: Kernel = { name: "right", files: FILES, bindings: {}, params: {} };
    assertEquals(await refusalOf(gpu, () => void pipelineOf(gpu, { kernel, constants: {} })), null);
  },
);

Deno.test("locateError() changes place and line numbers of an excerpt, and nothing else", () => {
  const modules = new Map([["k", FILES]]);
  const message =
    "\nShader 'k' parsing error: no definition in scope for identifier: `y`\n  ┌─ wgsl:10:10\n   │\n" +
    "10 │   return y / 2.0;\n   │          ^ unknown identifier\n\n";
  assertEquals(
    locateError(message, modules).split("\n"),
    [
      "kernels/parts/second.wgsl:4:10 (k): no definition in scope for identifier: `y`",
      "  ┌─ kernels/parts/second.wgsl:4:10",
      "   │",
      " 4 │   return y / 2.0;",
      "   │          ^ unknown identifier",
    ],
  );
  const dawn =
    'Error while parsing WGSL: :9:3 error: no matching call\n - While validating [ShaderModuleDescriptor ""k""]';
  assert(locateError(dawn, modules).startsWith("kernels/parts/second.wgsl:3:3 (k): Error while parsing"));
  for (const other of ["Buffer is too large", message.replace("'k'", "'another'")]) {
    assertEquals(locateError(other, modules), other);
  }
});
