/**
 * How the adapter answers where it fails: a run must hear of it.
 *
 * @module
 */
import { MachineError, messageOf } from "../../base/errors.ts";
import { type Gpu, openGpu } from "../../gpu/device.ts";
import { Memory, roundUp, type Store } from "../../gpu/memory.ts";

/** An answer in words, or null if nothing was heard. */
export interface Answers {
  /** To a buffer that is larger than any. */
  tooLarge: string | null;
  /** To work on a device that was destroyed. */
  lost: string | null;
}

/** How long an answer may take. */
const PATIENCE_MS = 5000;

/** Provokes both failures; the second on a device of its own. */
export async function provokeFailures(gpu: Gpu): Promise<Answers> {
  return { tooLarge: await answerToTooLarge(gpu), lost: await answerToLoss() };
}

async function answerToTooLarge(gpu: Gpu): Promise<string | null> {
  const { device, limits } = gpu;
  let heard: string | null = null;
  // Without this limit it is not Memory that refuses, but the driver.
  using memory = new Memory({
    ...gpu,
    limits: { ...limits, maxBuffer: Infinity },
    fail: (error) => heard = messageOf(error),
  });
  const store: Store = {
    name: "a buffer too large",
    category: "input",
    bytes: roundUp(4 * limits.maxBuffer, 2 ** 20),
  };
  device.pushErrorScope("validation");
  try {
    memory.buffer(store);
  } catch (error) {
    heard = messageOf(error); // Deno refuses sizes that it cannot express
  }
  const error = await device.popErrorScope().catch(() => null);
  return error?.message ?? heard;
}

async function answerToLoss(): Promise<string | null> {
  using gpu = await openGpu();
  gpu.device.destroy();
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([gpu.device.lost, new Promise((resolve) => timer = setTimeout(resolve, PATIENCE_MS))]);
  clearTimeout(timer);
  try {
    gpu.check();
    return null;
  } catch (error) {
    return error instanceof MachineError ? error.message : null;
  }
}
