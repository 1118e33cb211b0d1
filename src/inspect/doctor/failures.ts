/**
 * How an adapter reports failures: a run must learn of them.
 *
 * @module
 */
import { MachineError, messageOf } from "../../base/errors.ts";
import { type Gpu, openGpu } from "../../gpu/device.ts";
import { Memory, roundUp, type Store } from "../../gpu/memory.ts";

/** The messages of provoked failures; null where none came. */
export interface FailureReports {
  /** For a buffer that exceeds all limits. */
  tooLarge: string | null;
  /** For work on a device that was destroyed. */
  lost: string | null;
}

/** How long to wait for a message. */
const REPORT_TIMEOUT_MS = 5000;

/** Provokes both failures, the second on a device of its own. */
export async function provokeFailures(gpu: Gpu): Promise<FailureReports> {
  return { tooLarge: await reportOfTooLarge(gpu), lost: await reportOfLoss() };
}

async function reportOfTooLarge(gpu: Gpu): Promise<string | null> {
  const { device, limits } = gpu;
  let reported: string | null = null;
  // Without this limit the driver refuses, not Memory.
  using memory = new Memory({
    ...gpu,
    limits: { ...limits, maxBuffer: Infinity },
    fail: (error) => reported = messageOf(error),
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
    reported = messageOf(error); // Deno refuses sizes it cannot express
  }
  const error = await device.popErrorScope().catch(() => null);
  return error?.message ?? reported;
}

async function reportOfLoss(): Promise<string | null> {
  using gpu = await openGpu();
  gpu.device.destroy();
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    gpu.device.lost,
    new Promise((resolve) => timer = setTimeout(resolve, REPORT_TIMEOUT_MS)),
  ]);
  clearTimeout(timer);
  try {
    gpu.check();
    return null;
  } catch (error) {
    return error instanceof MachineError ? error.message : null;
  }
}
