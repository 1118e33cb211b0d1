/**
 * Clusters of vectors by k-means.
 *
 * @module
 */

/**
 * The cluster of each row of `scores` [n, dims], by k-means with k-means++: 0 for the largest cluster. The same seed gives the
 * same clusters.
 */
export async function clustersOf(
  scores: Float64Array,
  { dims, clusters, seed }: { dims: number; clusters: number; seed: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const { kmeans } = await import("npm:ml-kmeans@7.0.1");
  const n = scores.length / dims;
  const rows = Array.from({ length: n }, (_, i) => Array.from(scores.subarray(i * dims, (i + 1) * dims)));
  const { clusters: found } = kmeans(rows, Math.min(clusters, n), { seed, maxIterations: 100 });
  const sizes = new Map<number, number>();
  for (const cluster of found) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const order = [...sizes.keys()].sort((a, b) => sizes.get(b)! - sizes.get(a)! || a - b);
  const ranks = new Map(order.map((cluster, rank) => [cluster, rank]));
  return Uint8Array.from(found, (cluster) => ranks.get(cluster)!);
}
