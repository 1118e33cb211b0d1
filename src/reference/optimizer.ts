/** A parameter's state: online weights, target weights, momentum. */
export interface OptimizerState {
  theta: ArrayLike<number>;
  xi: ArrayLike<number>;
  momentum: ArrayLike<number>;
}

/** Settings of a step for one parameter. */
export interface OptimizerOptions {
  lr: number;
  /** Decay of the momentum. */
  mu: number;
  /** Weight decay: 0 for parameters of one axis. */
  decay: number;
  /** LARS's trust coefficient: 0 for SGD, and for parameters of one axis. */
  trust: number;
  /** Whether LARS's ratio is divided by lr and at most 1, so that the parameter's rate is at most lr. */
  clip?: boolean;
  tau: number;
}

function norm(x: Float64Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}

/**
 * One step of one parameter: g' = g + decay·θ, scaled by trust·‖θ‖ ÷ ‖g'‖ for LARS unless either norm is 0;
 * v ← mu·v + g', θ ← θ − lr·v, and with this new θ ξ ← τ·ξ + (1 − τ)·θ.
 */
export function optimizerStep(
  { theta, xi, momentum, gradient }: OptimizerState & { gradient: ArrayLike<number> },
  { lr, mu, decay, trust, clip, tau }: OptimizerOptions,
): Record<keyof OptimizerState, Float64Array> {
  const w = Float64Array.from(theta), g = Float64Array.from(gradient, (value, i) => value + decay * w[i]);
  const adapted = trust > 0 && norm(w) > 0 && norm(g) > 0;
  const own = trust * norm(w) / norm(g);
  const ratio = adapted ? clip ? Math.min(own / lr, 1) : own : 1;
  const v = g.map((value, i) => mu * momentum[i] + ratio * value);
  const stepped = w.map((value, i) => value - lr * v[i]);
  return { theta: stepped, momentum: v, xi: stepped.map((value, i) => tau * xi[i] + (1 - tau) * value) };
}
