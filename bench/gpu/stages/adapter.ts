/**
 * The stage that finds the adapter, and what it costs to use.
 *
 * @module
 */
import { join } from "node:path";
import type { AdapterFacts, AdapterReport } from "../costs.ts";
import { driverEnvironments, type Environment, findDriverFiles, writeManifest } from "../driver.ts";
import { Hopeless, lastLines, paths, type Stage } from "../session.ts";

const NVIDIA = "4318";
/** Seconds for a driver to answer: one that is found, but does not work, may hang. */
const ANSWER_SECONDS = 25;
const CARD_QUERY = "name,driver_version,memory.total,clocks.max.sm,power.limit";

/** Tells what the machine has, finds the adapter, and measures. Ends the session if there is nothing to measure on. */
export async function adapterStage(stage: Stage): Promise<void> {
  const { session } = stage;
  stage.row("commit, Deno, CPU", await machine(stage));
  const card = await stage.run("nvidia-smi", [
    "-i",
    "0",
    `--query-gpu=${CARD_QUERY}`,
    "--format=csv,noheader",
  ]);
  const hasCard = card.code === 0;
  stage.row(
    "card, driver, memory, clock, power",
    hasCard ? card.output.trim() : "left out: no nvidia-smi answers",
  );

  const found = await findAdapter(stage, hasCard);
  if (!found) await diagnose(stage);
  const usable = found !== null && !found.facts.software;
  if (!usable && !session.small) {
    const what = found ? `${found.facts.name}, which computes on the CPU` : "no adapter, or not the GPU's";
    throw new Hopeless(`Cannot measure a GPU: WebGPU finds ${what}. Read the diagnosis, or use --small.`);
  }
  if (!found) {
    throw new Hopeless("Cannot measure anything: WebGPU finds no adapter. Install a Vulkan driver.");
  }
  Deno.writeTextFileSync(paths.environment(session), JSON.stringify(found.environment));
  const { name, vendor, device, software, subgroups } = found.facts;
  const settings = Object.entries(found.environment).map(([key, value]) => ` with ${key}=${value}`).join("");
  stage.row(
    "adapter",
    `${name}, vendor ${vendor}, device ${device}${software ? ", on the CPU" : ""}${settings}`,
  );
  stage.row("subgroups", subgroups.map((size) => size ?? "none").join(" to "));
  await measure(stage, found.environment);
}

async function machine(stage: Stage): Promise<string> {
  const git = await stage.run("git", ["describe", "--always", "--dirty", "--exclude", "*"]);
  const cpu = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = /^model name\s*: (.*)/m.exec(cpu)?.[1] ?? Deno.build.arch;
  const commit = git.code === 0 ? git.output.trim() : "commit not known";
  return `${commit}, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores of ${model}`;
}

interface Found {
  facts: AdapterFacts;
  environment: Environment;
}

/** The adapter, if it is the one of the card that there is. */
async function findAdapter(stage: Stage, hasCard: boolean): Promise<Found | null> {
  const { work } = stage.session;
  const environments = hasCard
    ? driverEnvironments(findDriverFiles(), {
      ownManifest: (library) => writeManifest(work, library),
      extra: Deno.env.get("GPU_LIBRARIES"),
      before: Deno.env.get("LD_LIBRARY_PATH"),
    })
    : [{}];
  for (const environment of environments) {
    if (stage.left(5) < 3) break;
    const { output } = await stage.deno("bench/gpu/costs.ts", [], {
      seconds: Math.min(ANSWER_SECONDS, stage.left(5)),
      env: environment,
    });
    // A driver that crashes as the process ends is good enough: the answer counts.
    const line = output.split("\n").find((line) => line.startsWith("{"));
    const facts: AdapterFacts | null = line ? JSON.parse(line) : null;
    if (facts && (!hasCard || facts.vendor === NVIDIA && !facts.software)) return { facts, environment };
    const answer = facts ? `${facts.name}, vendor ${facts.vendor}` : lastLines(output, 1);
    console.log(`not the card: ${answer}, with ${JSON.stringify(environment)}`);
  }
  // --small does with any other.
  return stage.session.small && hasCard ? await findAdapter(stage, false) : null;
}

/** Prints what tells why the driver is not found. */
async function diagnose(stage: Stage): Promise<void> {
  const { manifests, libraries } = findDriverFiles();
  console.log(`manifests: ${manifests.join(" ") || "none"}\ndrivers: ${libraries.join(" ") || "none"}`);
  for (const path of manifests) {
    console.log(`${path}: ${Deno.readTextFileSync(path).replaceAll(/\s+/g, " ")}`);
  }
  const devices = await stage.run("sh", ["-c", "ls /dev/nvidia* /dev/dri"]);
  const loader = await stage.run("sh", [
    "-c",
    "ldconfig -p | grep -E 'libvulkan|nvidia|libEGL|libGLX|libX11|libXext'",
  ]);
  console.log(`${devices.output}${loader.output}`);
  const { output } = await stage.deno("bench/gpu/costs.ts", [], {
    env: { VK_LOADER_DEBUG: "error,warn,driver" },
  });
  console.log(
    output.split("\n").filter((line) => /error|warn|fail|nvidia/i.test(line)).slice(0, 20).join("\n"),
  );
}

async function measure(stage: Stage, env: Environment): Promise<void> {
  const path = join(stage.session.out, "adapter.json");
  const { code, output } = await stage.deno("bench/gpu/costs.ts", [path], { env });
  if (code !== 0) console.log(`measuring ended with ${code}: ${lastLines(output)}`);
  const report: AdapterReport = JSON.parse(await Deno.readTextFile(path));
  for (const [what, value] of Object.entries(report.costs)) {
    const [, name, unit] = /^(.*), ([^,]*)$/.exec(what)!;
    stage.row(name, `${value.toPrecision(3)} ${unit}`, { [unit]: value });
  }
}
