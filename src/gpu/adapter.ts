/**
 * The choice of the adapter: the only code that asks for one.
 *
 * Deno uses OpenGL where there is nothing better. Mesa's OpenGL computes on the CPU, at a fraction of the speed of
 * Mesa's Vulkan driver, and merely loading it makes a process abort at exit now and then: its teardown races with
 * threads that are ending. So only Vulkan, Metal and Direct3D 12 are requested, and OpenGL where none of them has an
 * adapter and a GPU is behind it. Deno reads the backends from the environment, and each thread keeps those of its first request.
 *
 * @module
 */
import { environmentVariable, setEnvironmentVariable } from "../base/environment.ts";
import { MachineError } from "../base/errors.ts";
import { driverOf, isSoftware } from "./driver.ts";
import { entryPoint, implementation } from "./webgpu.ts";

/** The adapter to compute on. */
export interface AdapterChoice {
  adapter: GPUAdapter;
  /** The API of the driver, such as "Vulkan". */
  backend: string;
  /** Deno's names of the requested backends; null: all of them, or those of Dawn. */
  backends: string | null;
  /** The driver's name. WebGPU has no version. */
  driver: string;
}

/** Deno's variable for the backends, separated by commas. */
const BACKEND_VARIABLE = "DENO_WEBGPU_BACKEND";
/** The backends that are requested if the user names none. */
const MODERN = "vulkan,metal,dx12";
const OPENGL = "gl";

const INSTALL = "Install the Vulkan driver of your GPU. Without a GPU, Mesa's computes on the CPU " +
  "(Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1).";

/**
 * The machine's fastest adapter. The driver's own variables choose among several GPUs, see docs/adapters.md.
 *
 * @throws {MachineError} if there is none, or only Mesa's OpenGL, which computes on the CPU; the message says what to install.
 */
export async function chooseAdapter(): Promise<AdapterChoice> {
  if (implementation() === "dawn") return await dawnAdapter();
  const { backends, named } = await (requested ??= backendsToRequest());
  const adapter = await request();
  // A user who names OpenGL gets it.
  if (!named) expectUsable(adapter, backends);
  if (!adapter) {
    throw new MachineError(
      `Cannot open a GPU: Deno finds no WebGPU adapter with ${BACKEND_VARIABLE}=${backends}. Unset it, or install ` +
        `the driver that it names.`,
    );
  }
  const backend = backendOf(adapter.info, { backends });
  if (backend === "OpenGL") warnOfOpenGl(adapter.info);
  return { adapter, backend, backends, driver: driverOf(adapter.info, { backend }) };
}

/** Dawn's adapter. Dawn takes the system's modern API by itself. */
async function dawnAdapter(): Promise<AdapterChoice> {
  const adapter = await request();
  if (!adapter) {
    throw new MachineError(
      "Cannot open a GPU: Dawn finds no adapter. It needs a recent driver of Vulkan (Mesa 25 computes on the CPU), Metal or " +
        "Direct3D 12. Install one, or compute on Deno's own WebGPU: --webgpu deno.",
    );
  }
  const backend = { darwin: "Metal", windows: "Direct3D 12" }[Deno.build.os as string] ?? "Vulkan";
  return { adapter, backend, backends: null, driver: driverOf(adapter.info, { backend }) };
}

/** The backends of this thread, which keeps those of its first request: concurrent calls wait for the same answer. */
let requested: Promise<{ backends: string | null; named: boolean }> | undefined;

/** The backends to request, and whether the user named them. */
async function backendsToRequest(): Promise<{ backends: string | null; named: boolean }> {
  const given = environmentVariable(BACKEND_VARIABLE) || null;
  if (given !== null) return { backends: given, named: given !== MODERN };
  return { backends: await chooseBackends(), named: false };
}

/**
 * Sets the backends in the environment, before this thread's first request: the modern ones, or OpenGL where none of
 * them has an adapter. Null without the permission to do so: then Deno tries every backend.
 */
async function chooseBackends(): Promise<string | null> {
  if (!setEnvironmentVariable(BACKEND_VARIABLE, MODERN)) return null;
  if (await hasModernAdapter()) return MODERN;
  setEnvironmentVariable(BACKEND_VARIABLE, OPENGL);
  try {
    expectUsable(await request(), OPENGL);
    return OPENGL;
  } catch (error) {
    setEnvironmentVariable(BACKEND_VARIABLE, undefined);
    throw error;
  }
}

async function request(): Promise<GPUAdapter | null> {
  return await (await entryPoint())?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

function expectUsable(adapter: GPUAdapter | null, backends: string | null) {
  if (!adapter) {
    throw new MachineError(
      `Cannot open a GPU: Deno finds no WebGPU adapter of Vulkan, Metal or Direct3D 12. ${INSTALL}`,
    );
  }
  if (isSoftware(adapter.info) && backendOf(adapter.info, { backends }) === "OpenGL") {
    throw new MachineError(
      `Cannot open a GPU: Deno finds only OpenGL on the CPU ("${adapter.info.description}"), which is several times ` +
        `slower than Vulkan on the CPU. ${INSTALL}`,
    );
  }
}

/**
 * Whether a modern backend has an adapter. A thread's backends cannot be changed later, so a worker asks. On macOS and
 * Windows there always is one.
 */
async function hasModernAdapter(): Promise<boolean> {
  if (["darwin", "windows"].includes(Deno.build.os)) return true;
  // A data URL needs no permission to read.
  const source = "postMessage(!!await navigator.gpu?.requestAdapter())";
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
  try {
    return await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(true); // Then the request itself reports what is wrong.
      };
    });
  } finally {
    worker.terminate();
  }
}

/** The backend of the adapter, which WebGPU does not say, among the requested ones; null: all of them. */
export function backendOf(
  info: Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize">,
  { backends, os = Deno.build.os }: { backends: string | null; os?: typeof Deno.build.os },
): string {
  const asked = (backends ?? `${MODERN},${OPENGL}`).toLowerCase().split(",").map((name) => name.trim());
  const vulkan = asked.includes("vulkan"), openGl = asked.includes(OPENGL) || asked.includes("opengl");
  if (os === "darwin") return asked.includes("metal") ? "Metal" : vulkan ? "Vulkan" : "OpenGL";
  // wgpu does not know the size of OpenGL's subgroups, and reports the widest range. Vulkan's drivers report theirs.
  const anyWidth = info.subgroupMinSize === 4 && info.subgroupMaxSize === 128;
  if (openGl && (anyWidth || asked.length === 1)) return "OpenGL";
  const direct3d = os === "windows" && asked.includes("dx12");
  return vulkan && direct3d ? "Vulkan or Direct3D 12" : direct3d ? "Direct3D 12" : "Vulkan";
}

let warned = false;

function warnOfOpenGl({ description }: GPUAdapterInfo) {
  if (warned) return;
  warned = true;
  console.warn(`Warning: computing by OpenGL on "${description}", which is slower than Vulkan. ${INSTALL}`);
}
