/**
 * Examines this machine: `deno run -A src/cli/doctor.ts`. `--help` explains it.
 *
 * @module
 */
import { doctor } from "../inspect/doctor.ts";
import { formatDiagnosis } from "../inspect/doctor/report.ts";
import { parseDoctorOptions } from "./doctor_options.ts";
import { runMain } from "./run_main.ts";

/** The exit code if something is wrong with the machine. */
const UNHEALTHY = 2;

async function main(args: string[]): Promise<number> {
  const parsed = parseDoctorOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  // On stderr, so that stdout has the result alone.
  const diagnosis = await doctor({ all: parsed.all, log: (line) => console.error(line) });
  console.log(parsed.json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis));
  return diagnosis.healthy ? 0 : UNHEALTHY;
}

if (import.meta.main) await runMain(main);
