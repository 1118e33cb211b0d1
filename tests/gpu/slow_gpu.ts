/**
 * A GPU that computes nothing and takes its time: whoever asks whether it is done, or reads from it, is held as Deno holds
 * the main thread (see src/run/pacer.ts) until a device would be done that takes so many milliseconds for each step.
 */

/** A submission of so many dispatches or more is a step, fewer are something else. */
const STEP_DISPATCHES = 50;

/** What was asked of a slow GPU. */
export interface SlowGpu extends Disposable {
  readonly steps: number;
  /** Calls of `onSubmittedWorkDone` and of `mapAsync`. */
  readonly asked: number;
  readonly read: number;
  /** Milliseconds that these calls held the caller. */
  readonly heldMs: number;
  /** Milliseconds from the first step's submission to the last step's end. */
  readonly elapsedMs: number;
}

/** Makes every GPU of this realm slow, until it is disposed of. */
export function slowGpu(stepMs: number): SlowGpu {
  const queue = GPUQueue.prototype, buffer = GPUBuffer.prototype, pass = GPUComputePassEncoder.prototype;
  const { submit, onSubmittedWorkDone } = queue, { mapAsync } = buffer, { dispatchWorkgroups } = pass;
  let dispatches = 0, steps = 0, asked = 0, read = 0, heldMs = 0, begin = 0, idleAt = 0;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const hold = () => {
    const left = idleAt - performance.now();
    if (left <= 0) return;
    Atomics.wait(cell, 0, 0, left);
    heldMs += left;
  };
  pass.dispatchWorkgroups = () => {
    dispatches++;
  };
  queue.submit = function (commands) {
    const now = performance.now();
    if (dispatches >= STEP_DISPATCHES) {
      if (steps++ === 0) begin = now;
      idleAt = Math.max(now, idleAt) + stepMs;
    }
    dispatches = 0;
    return submit.call(this, commands);
  };
  queue.onSubmittedWorkDone = function () {
    asked++;
    hold();
    return onSubmittedWorkDone.call(this);
  };
  buffer.mapAsync = function (...range: Parameters<typeof mapAsync>) {
    read++;
    hold();
    return mapAsync.apply(this, range);
  };
  return {
    get steps() {
      return steps;
    },
    get asked() {
      return asked;
    },
    get read() {
      return read;
    },
    get heldMs() {
      return heldMs;
    },
    get elapsedMs() {
      return idleAt - begin;
    },
    [Symbol.dispose]() {
      Object.assign(queue, { submit, onSubmittedWorkDone });
      Object.assign(buffer, { mapAsync });
      Object.assign(pass, { dispatchWorkgroups });
    },
  };
}
