import { parseExportOptions } from "../../src/cli/export_options.ts";
import type { ExportFlags } from "../../src/config/export_flags.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const parse = (line: string) => parseExportOptions(line.split(" ").filter(Boolean)) as ExportFlags;

Deno.test("parseExportOptions() reads values and switches", () => {
  assertEquals(parse("--run r --format transformers --opset 18 --preprocess --no-fold --out m --size 64"), {
    run: "r",
    format: "transformers",
    opset: 18,
    preprocess: true,
    fold: false,
    out: "m",
    size: 64,
  });
  assertEquals(parse("--encoder e.safetensors --format torch-names --f16").f16, true);
  assert(parse("--run r").fold !== false, "normalizations are folded by default");
});

Deno.test("parseExportOptions() refuses wrong values and unknown options", async () => {
  const message = /"--opset 99": the value must be a whole number from 13 to 21/;
  await assertThrows(() => parse("--opset 99"), UserError, message);
  await assertThrows(
    () => parse("--format tflite"),
    UserError,
    /one of onnx, transformers, safetensors, torch-names/,
  );
  await assertThrows(() => parse("--preproces"), UserError, /--preprocess/);
});

Deno.test("parseExportOptions() explains every option with --help", () => {
  const help = parseExportOptions(["--help"]);
  assert("help" in help);
  for (
    const flag of [
      "run <DIR>",
      "encoder <FILE|URL>",
      "format <NAME>",
      "out <PATH>",
      "f16",
      "opset <N>",
      "preprocess",
      "no-fold",
    ]
  ) {
    assert(help.help.includes(`--${flag}`), `--${flag} is missing`);
  }
});
