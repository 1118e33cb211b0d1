/**
 * The process of one stage: `main.ts` starts it, with what it has to know as JSON.
 *
 * @module
 */
import { Hopeless, type Session, Stage } from "./session.ts";
import { adapterStage } from "./stages/adapter.ts";
import { benchStage } from "./stages/benches.ts";
import { precisionStage } from "./stages/precision.ts";
import { profileStage } from "./stages/profile.ts";
import { suiteStage, testsStage } from "./stages/tests.ts";
import { torchStage } from "./stages/torch.ts";
import { trainStage } from "./stages/train.ts";

/** The exit code of a stage without which no other is worth the time. */
export const HOPELESS = 3;

/** The stages by name, with the most seconds that each may take; the first six are the usual ones. */
export const stages = {
  adapter: { seconds: 60, run: adapterStage },
  tests: { seconds: 100, run: testsStage },
  profile: { seconds: 190, run: profileStage },
  precision: { seconds: 120, run: precisionStage },
  torch: { seconds: 90, run: torchStage },
  train: { seconds: Infinity, run: trainStage },
  kernels: { seconds: Infinity, run: benchStage("kernels") },
  optimizer: { seconds: Infinity, run: benchStage("optimizer") },
  pipeline: { seconds: Infinity, run: benchStage("pipeline") },
  suite: { seconds: Infinity, run: suiteStage },
};

export type StageName = keyof typeof stages;

/** What a stage's process is told. */
export interface StageRequest {
  session: Session;
  name: StageName;
  /** When it must be done, by Date.now(). */
  end: number;
}

if (import.meta.main) {
  const { session, name, end }: StageRequest = JSON.parse(Deno.args[0]);
  const stage = new Stage(session, name, end);
  try {
    await stages[name].run(stage);
  } catch (error) {
    stage.row(name, `failed: ${(error as Error).message}`);
    if (!(error instanceof Hopeless)) console.error(error);
    Deno.exit(error instanceof Hopeless ? HOPELESS : 1);
  }
}
