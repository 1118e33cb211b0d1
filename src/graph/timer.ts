/**
 * Times programs that take microseconds: many runs in one submission, by the GPU's own clock where there is one.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Timestamps } from "../gpu/timestamps.ts";
import type { Program } from "./program.ts";

/** The duration of some runs in one submission. */
export interface Sample {
  /** Seconds by the host's clock, without the time to wait for an idle GPU. */
  wall: number;
  /**
   * By the GPU's clock, in ticks, whose length differs between drivers (gfx-rs/wgpu#6719): compare them only with each
   * other. 0 where the adapter has no timestamps.
   */
  ticks: number;
}

/** Takes samples. */
export interface Timer {
  /** Seconds that a sample must last to be reliable. */
  readonly enough: number;
  /** Runs `program` `times` times in one submission, and waits for it. */
  sample(program: Program, times: number): Promise<Sample>;
}

/**
 * By the host's clock a sample must last many times as long as waiting, which varies by a millisecond; and on a CPU many
 * times as long as other processes run in between.
 */
const ENOUGH = { ticks: 0.01, wall: 0.1 };
const WAITS = 3;

/** The timer of `gpu`; measures the time to wait for an idle GPU. */
export async function createTimer(gpu: Gpu): Promise<Timer> {
  const { device, timestamps, software } = gpu;
  const timed = async (work: () => Promise<number>) => {
    const begin = performance.now(), ticks = await work();
    return { wall: (performance.now() - begin) / 1000, ticks };
  };
  const settled = async () => {
    await device.queue.onSubmittedWorkDone();
    gpu.check();
    return 0;
  };
  const idle = async () => {
    if (!timestamps) return await settled();
    using stamps = new Timestamps(gpu, 2);
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: stamps.writes({ begin: 0, end: 1 }) }).end();
    stamps.resolve(encoder);
    device.queue.submit([encoder.finish()]);
    const [begin, end] = await stamps.read();
    return Number(end - begin);
  };
  const waits: number[] = [];
  for (let i = 0; i < WAITS; i++) waits.push((await timed(idle)).wall);
  const wait = Math.min(...waits);
  return {
    enough: timestamps && !software ? ENOUGH.ticks : ENOUGH.wall,
    async sample(program, times) {
      const { wall, ticks } = await timed(async () => {
        if (timestamps) return await program.ticks(times);
        program.run({ times });
        return await settled();
      });
      return { wall: Math.max(0, wall - wait), ticks };
    },
  };
}
