/** A Worker for the pool's tests: crashes at its first job. */
/// <reference lib="deno.worker" />
self.onmessage = ({ data }) => {
  if (!("recipe" in data)) throw new Error("out of luck");
};
