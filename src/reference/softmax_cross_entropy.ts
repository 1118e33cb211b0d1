/**
 * The cross entropy of the softmax over the first `classes` of K columns, of M rows of G classifiers each: the losses
 * [M, G], 0 in rows whose label is −1.
 */
export function softmaxCrossEntropy(
  { logits, labels }: Record<"logits" | "labels", ArrayLike<number>>,
  { M, G, K, classes }: { M: number; G: number; K: number; classes: number },
): Float64Array {
  return Float64Array.from({ length: M * G }, (_, i) => {
    const label = labels[Math.floor(i / G)];
    if (label < 0) return 0;
    const row = Array.from({ length: classes }, (_, k) => logits[i * K + k]), largest = Math.max(...row);
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    return Math.log(sum) + largest - row[label];
  });
}
