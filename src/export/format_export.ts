/**
 * The text of an export's result.
 *
 * @module
 */
import type { ExportAgreement, ExportReport } from "./types.ts";

/** The lines that `./run export` prints: what was written, what it takes and gives, and how far it is from the encoder. */
export function formatExport({ paths, bytes, dims, input, opset, agreement }: ExportReport): string {
  const lines = [`Written: ${paths.join(", ")} (${(bytes / 1e6).toFixed(1)} MB)`];
  if (input !== null) lines.push(`Opset ${opset}: ${input}, to features of length ${dims}`);
  if (agreement) lines.push(agreementText(agreement));
  return lines.join("\n");
}

function agreementText({ runtime, images, difference, prepared }: ExportAgreement): string {
  const figure = (value: number) => `${value.toExponential(1)} of their length`;
  const resized = prepared === null ? "" : `, with resizing by at most ${figure(prepared)}`;
  return `Features of ${images} random images by ${runtime} differ from the encoder's by at most ${
    figure(difference)
  }${resized}`;
}
