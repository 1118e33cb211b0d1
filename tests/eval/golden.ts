/** Results of PyTorch and scikit-learn on features that evaluate.py and these functions hash alike. */
import { hashSigned, hashUniform, readGolden } from "../golden/read.ts";

/** A case of evaluate.safetensors. */
export interface EvaluationCase {
  name: string;
  op: string;
  // deno-lint-ignore no-explicit-any -- each op has its own sizes
  sizes: any;
  /** For knn: right answers by number of neighbors. */
  counts: Record<string, number>;
  /** For linear: accuracies for each learning rate. */
  scores: { top1: number; top5: number }[];
}

/** The cases for `op`, and the tensors of them all. */
export async function evaluationGolden(op: string) {
  const { tensors, metadata } = await readGolden<{ cases: EvaluationCase[] }>("evaluate");
  const expected = (name: string) => tensors.get(name)!.data;
  return { cases: metadata.cases.filter((each) => each.op === op), expected };
}

/** Class centers with noise: accuracies lie between chance and 1. */
export function clustered(
  tag: string,
  { n, dims, classes, noise = 2.5 }: { n: number; dims: number; classes: number; noise?: number },
) {
  const centers = hashSigned("centres", classes * dims), noises = hashSigned(tag, n * dims);
  const labels = Int32Array.from({ length: n }, (_, i) => (i * 7) % classes);
  const features = Float32Array.from(
    noises,
    (value, i) => noise * value + centers[labels[Math.floor(i / dims)] * dims + i % dims],
  );
  return { features, labels, dims };
}

/** The labels of a case of cross entropy, of which some are −1. */
export function hashLabels(tag: string, { n, classes }: { n: number; classes: number }): Float32Array {
  return Float32Array.from(hashUniform(tag, n), (u) => Math.floor(u * (classes + 1)) - 1);
}
