/**
 * The WGSL that several kernels share. A kernel lists the parts that it needs, then its own file, in `files`.
 *
 * @module
 */
import conv2dClassTaps from "../../kernels/parts/conv2d_class_taps.wgsl" with { type: "text" };
import conv2dClasses from "../../kernels/parts/conv2d_classes.wgsl" with { type: "text" };
import conv2dParams from "../../kernels/parts/conv2d_params.wgsl" with { type: "text" };
import conv2dPixels from "../../kernels/parts/conv2d_pixels.wgsl" with { type: "text" };
import conv2dTaps from "../../kernels/parts/conv2d_taps.wgsl" with { type: "text" };
import conv2dTextureParams from "../../kernels/parts/conv2d_texture_params.wgsl" with { type: "text" };
import conv2dWalk from "../../kernels/parts/conv2d_walk.wgsl" with { type: "text" };
import conv2dWindows from "../../kernels/parts/conv2d_windows.wgsl" with { type: "text" };
import depthwiseParams from "../../kernels/parts/depthwise_params.wgsl" with { type: "text" };
import depthwiseTiles from "../../kernels/parts/depthwise_tiles.wgsl" with { type: "text" };
import dyBuffer from "../../kernels/parts/dy_buffer.wgsl" with { type: "text" };
import dyTexture from "../../kernels/parts/dy_texture.wgsl" with { type: "text" };
import layerNormRows from "../../kernels/parts/layer_norm_rows.wgsl" with { type: "text" };
import lossScale from "../../kernels/parts/loss_scale.wgsl" with { type: "text" };
import matrix16x16x16 from "../../kernels/parts/matrix_16x16x16.wgsl" with { type: "text" };
import matrix16x8x16 from "../../kernels/parts/matrix_16x8x16.wgsl" with { type: "text" };
import matrix16x8x8 from "../../kernels/parts/matrix_16x8x8.wgsl" with { type: "text" };
import matrix8x16x16 from "../../kernels/parts/matrix_8x16x16.wgsl" with { type: "text" };
import matrix8x8x16 from "../../kernels/parts/matrix_8x8x16.wgsl" with { type: "text" };
import matrix8x8x8 from "../../kernels/parts/matrix_8x8x8.wgsl" with { type: "text" };
import matrixADepth from "../../kernels/parts/matrix_a_depth.wgsl" with { type: "text" };
import matrixARows from "../../kernels/parts/matrix_a_rows.wgsl" with { type: "text" };
import matrixBColumns from "../../kernels/parts/matrix_b_columns.wgsl" with { type: "text" };
import matrixBDepth from "../../kernels/parts/matrix_b_depth.wgsl" with { type: "text" };
import matrixGroups2x1 from "../../kernels/parts/matrix_groups_2x1.wgsl" with { type: "text" };
import matrixGroups2x2 from "../../kernels/parts/matrix_groups_2x2.wgsl" with { type: "text" };
import matrixGroups4x2 from "../../kernels/parts/matrix_groups_4x2.wgsl" with { type: "text" };
import matrixTiles from "../../kernels/parts/matrix_tiles.wgsl" with { type: "text" };
import matrixUnits from "../../kernels/parts/matrix_units.wgsl" with { type: "text" };
import moments from "../../kernels/parts/moments.wgsl" with { type: "text" };
import nan from "../../kernels/parts/nan.wgsl" with { type: "text" };
import normalDistribution from "../../kernels/parts/normal_distribution.wgsl" with { type: "text" };
import quadruples from "../../kernels/parts/quadruples.wgsl" with { type: "text" };
import resultF16 from "../../kernels/parts/result_f16.wgsl" with { type: "text" };
import resultF32 from "../../kernels/parts/result_f32.wgsl" with { type: "text" };
import step from "../../kernels/parts/step.wgsl" with { type: "text" };
import storedF16 from "../../kernels/parts/stored_f16.wgsl" with { type: "text" };
import storedF32 from "../../kernels/parts/stored_f32.wgsl" with { type: "text" };
import texel from "../../kernels/parts/texel.wgsl" with { type: "text" };
import tile128 from "../../kernels/parts/tile_128.wgsl" with { type: "text" };
import tile64 from "../../kernels/parts/tile_64.wgsl" with { type: "text" };
import tiles from "../../kernels/parts/tiles.wgsl" with { type: "text" };
import viewBlur from "../../kernels/parts/view_blur.wgsl" with { type: "text" };
import viewColors from "../../kernels/parts/view_colors.wgsl" with { type: "text" };
import viewFinish from "../../kernels/parts/view_finish.wgsl" with { type: "text" };
import viewRecord from "../../kernels/parts/view_record.wgsl" with { type: "text" };
import viewResize from "../../kernels/parts/view_resize.wgsl" with { type: "text" };
import workgroup from "../../kernels/parts/workgroup.wgsl" with { type: "text" };
import xBuffer from "../../kernels/parts/x_buffer.wgsl" with { type: "text" };
import xTexture from "../../kernels/parts/x_texture.wgsl" with { type: "text" };
import yBuffer from "../../kernels/parts/y_buffer.wgsl" with { type: "text" };
import yTexture from "../../kernels/parts/y_texture.wgsl" with { type: "text" };

/** The parts by name, each as an entry of {@linkcode Kernel.files}. */
export const wgsl = {
  conv2dClassTaps: { "parts/conv2d_class_taps.wgsl": conv2dClassTaps },
  conv2dClasses: { "parts/conv2d_classes.wgsl": conv2dClasses },
  conv2dParams: { "parts/conv2d_params.wgsl": conv2dParams },
  conv2dPixels: { "parts/conv2d_pixels.wgsl": conv2dPixels },
  conv2dTaps: { "parts/conv2d_taps.wgsl": conv2dTaps },
  conv2dTextureParams: { "parts/conv2d_texture_params.wgsl": conv2dTextureParams },
  conv2dWalk: { "parts/conv2d_walk.wgsl": conv2dWalk },
  conv2dWindows: { "parts/conv2d_windows.wgsl": conv2dWindows },
  depthwiseParams: { "parts/depthwise_params.wgsl": depthwiseParams },
  depthwiseTiles: { "parts/depthwise_tiles.wgsl": depthwiseTiles },
  dyBuffer: { "parts/dy_buffer.wgsl": dyBuffer },
  dyTexture: { "parts/dy_texture.wgsl": dyTexture },
  layerNormRows: { "parts/layer_norm_rows.wgsl": layerNormRows },
  lossScale: { "parts/loss_scale.wgsl": lossScale },
  matrix16x16x16: { "parts/matrix_16x16x16.wgsl": matrix16x16x16 },
  matrix16x8x16: { "parts/matrix_16x8x16.wgsl": matrix16x8x16 },
  matrix16x8x8: { "parts/matrix_16x8x8.wgsl": matrix16x8x8 },
  matrix8x16x16: { "parts/matrix_8x16x16.wgsl": matrix8x16x16 },
  matrix8x8x16: { "parts/matrix_8x8x16.wgsl": matrix8x8x16 },
  matrix8x8x8: { "parts/matrix_8x8x8.wgsl": matrix8x8x8 },
  matrixADepth: { "parts/matrix_a_depth.wgsl": matrixADepth },
  matrixARows: { "parts/matrix_a_rows.wgsl": matrixARows },
  matrixBColumns: { "parts/matrix_b_columns.wgsl": matrixBColumns },
  matrixBDepth: { "parts/matrix_b_depth.wgsl": matrixBDepth },
  matrixGroups2x1: { "parts/matrix_groups_2x1.wgsl": matrixGroups2x1 },
  matrixGroups2x2: { "parts/matrix_groups_2x2.wgsl": matrixGroups2x2 },
  matrixGroups4x2: { "parts/matrix_groups_4x2.wgsl": matrixGroups4x2 },
  matrixTiles: { "parts/matrix_tiles.wgsl": matrixTiles },
  matrixUnits: { "parts/matrix_units.wgsl": matrixUnits },
  moments: { "parts/moments.wgsl": moments },
  nan: { "parts/nan.wgsl": nan },
  normalDistribution: { "parts/normal_distribution.wgsl": normalDistribution },
  quadruples: { "parts/quadruples.wgsl": quadruples },
  resultF16: { "parts/result_f16.wgsl": resultF16 },
  resultF32: { "parts/result_f32.wgsl": resultF32 },
  step: { "parts/step.wgsl": step },
  storedF16: { "parts/stored_f16.wgsl": storedF16 },
  storedF32: { "parts/stored_f32.wgsl": storedF32 },
  texel: { "parts/texel.wgsl": texel },
  tile128: { "parts/tile_128.wgsl": tile128 },
  tile64: { "parts/tile_64.wgsl": tile64 },
  tiles: { "parts/tiles.wgsl": tiles },
  viewBlur: { "parts/view_blur.wgsl": viewBlur },
  viewColors: { "parts/view_colors.wgsl": viewColors },
  viewFinish: { "parts/view_finish.wgsl": viewFinish },
  viewRecord: { "parts/view_record.wgsl": viewRecord },
  viewResize: { "parts/view_resize.wgsl": viewResize },
  workgroup: { "parts/workgroup.wgsl": workgroup },
  xBuffer: { "parts/x_buffer.wgsl": xBuffer },
  xTexture: { "parts/x_texture.wgsl": xTexture },
  yBuffer: { "parts/y_buffer.wgsl": yBuffer },
  yTexture: { "parts/y_texture.wgsl": yTexture },
} as const;
