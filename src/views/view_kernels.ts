/**
 * Creates views of decoded images: crop and resize, color jitter, blur, normalize. A table, which is written before each
 * run, says what is applied to which image.
 *
 * @module
 */
import blurColumnsCode from "../../kernels/views/blur_columns.wgsl" with { type: "text" };
import blurRowsCode from "../../kernels/views/blur_rows.wgsl" with { type: "text" };
import colorsCode from "../../kernels/views/colors.wgsl" with { type: "text" };
import columnsCode from "../../kernels/views/resize_columns.wgsl" with { type: "text" };
import rowsCode from "../../kernels/views/resize_rows.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";

const NORMALIZATION = {
  mean_r: "f32",
  mean_g: "f32",
  mean_b: "f32",
  std_r: "f32",
  std_g: "f32",
  std_b: "f32",
} as const;

const rowsKernel: Kernel = {
  name: "view_resize_rows",
  files: { ...wgsl.viewRecord, ...wgsl.viewResize, "views/resize_rows.wgsl": rowsCode },
  bindings: { pixels: "read", table: "read", rows: "read_write" },
  params: { first: "u32", groups: "u32" },
};
const columnsKernel: Kernel = {
  name: "view_resize_columns",
  files: {
    ...wgsl.viewRecord,
    ...wgsl.viewResize,
    ...wgsl.viewColors,
    "views/resize_columns.wgsl": columnsCode,
  },
  bindings: { rows: "read", table: "read", resized: "read_write", partials: "read_write" },
  params: { first: "u32", groups: "u32", turns: "u32" },
};
const colorsKernel: Kernel = {
  name: "view_colors",
  files: {
    ...wgsl.viewRecord,
    ...wgsl.viewResize,
    ...wgsl.viewColors,
    ...wgsl.viewFinish,
    "views/colors.wgsl": colorsCode,
  },
  bindings: { table: "read", resized: "read", partials: "read", image: "read_write" },
  aliases: { Result: ["image"] },
  params: { first: "u32", row: "u32", groups: "u32", turns: "u32", ...NORMALIZATION },
};
const blurRowsKernel: Kernel = {
  name: "view_blur_rows",
  files: { ...wgsl.viewRecord, ...wgsl.viewBlur, "views/blur_rows.wgsl": blurRowsCode },
  bindings: { table: "read", image: "read", blurred: "read_write" },
  aliases: { Stored: ["image"] },
  params: { first: "u32", row: "u32", turns: "u32" },
};
const blurColumnsKernel: Kernel = {
  name: "view_blur_columns",
  files: {
    ...wgsl.viewRecord,
    ...wgsl.viewBlur,
    ...wgsl.viewFinish,
    "views/blur_columns.wgsl": blurColumnsCode,
  },
  bindings: { table: "read", blurred: "read", image: "read_write" },
  aliases: { Result: ["image"] },
  params: { first: "u32", row: "u32", turns: "u32", ...NORMALIZATION },
};

/** Rows that a workgroup of the first pass computes at a time. */
const ROWS_PER_WORKGROUP = 32;
/** Pixels of a view per workgroup of the later passes, in which an invocation computes four at a time. */
const PIXELS_PER_WORKGROUP = 4096;
/** Invocations per workgroup. A software adapter runs them one after the other, and each has to read its record. */
const LANES = 64, SOFTWARE_LANES = 16;

/** Pixels from row to row of a view between the passes, which read four at a time. */
export function pitchOf(size: number): number {
  return 4 * Math.ceil(size / 4);
}

/** Which views to create from the images. */
export interface Augmentation {
  /** Words of four bytes: one image after the other, row by row. */
  pixels: Tensor;
  /** First the offset of each view's record, 0 for none; then the records, as data/views/table.ts packs them. */
  table: Tensor;
  /** [M, size, size, 4]: `count` views are written after `row` others. */
  images: Tensor;
  row: number;
  count: number;
  /** The index of the first view in the table. */
  first: number;
  /** Words for the rows of all these views, of one pitch each, between the two passes of the resize. */
  rowWords: number;
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** Whether any view can be blurred. */
  blur: boolean;
}

/** Appends the kernels for `count` views. */
export function augment(
  tape: Tape,
  { pixels, table, images, row, count, first, rowWords, mean, std, blur }: Augmentation,
): void {
  const [, size] = images.shape;
  expectShape("augment", images, {
    condition: images.shape.length === 4 && images.shape[2] === size && images.shape[3] === 4,
    expected: "be [M, size, size, 4]",
  });
  const pitch = pitchOf(size);
  const groups = Math.ceil(size * pitch / PIXELS_PER_WORKGROUP);
  const lanes = tape.target.software ? SOFTWARE_LANES : LANES;
  const turnsOf = (lanes: number) => Math.ceil(size * pitch / 4 / lanes / groups);
  const grid = [groups, count, 1] as const;
  const normalization = {
    mean_r: mean[0],
    mean_g: mean[1],
    mean_b: mean[2],
    std_r: std[0],
    std_g: std[1],
    std_b: std[2],
  };
  const rows = tape.tensor("rows of the views", [rowWords]);
  const resized = tape.tensor("resized views", [count, size, pitch]);
  const partials = tape.tensor("sums of the luma", [count, groups]);
  const stripes = Math.ceil(size / ROWS_PER_WORKGROUP);
  tape.dispatch(rowsKernel, {
    tensors: { pixels, table, rows },
    params: { first, groups: stripes },
    constants: { SIZE: size, PITCH: pitch },
    grid: [stripes, count, 1],
  });
  tape.dispatch(columnsKernel, {
    tensors: { rows, table, resized, partials },
    params: { first, groups, turns: turnsOf(lanes) },
    constants: { SIZE: size, PITCH: pitch, LANES: lanes },
    grid,
  });
  tape.dispatch(colorsKernel, {
    tensors: { table, resized, partials, image: images },
    params: { first, row, groups, turns: turnsOf(lanes), ...normalization },
    constants: { SIZE: size, PITCH: pitch, LANES: lanes },
    grid,
  });
  if (blur) {
    const blurred = tape.tensor("rows of the blur", [count, size, size, 4]);
    tape.dispatch(blurRowsKernel, {
      tensors: { table, image: images, blurred },
      params: { first, row, turns: turnsOf(LANES) },
      constants: { SIZE: size },
      grid,
    });
    tape.dispatch(blurColumnsKernel, {
      tensors: { table, blurred, image: images },
      params: { first, row, turns: turnsOf(LANES), ...normalization },
      constants: { SIZE: size },
      grid,
    });
  }
}
