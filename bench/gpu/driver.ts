/**
 * Finds NVIDIA's Vulkan driver where the loader does not by itself: in containers its manifest lies beside the usual
 * places, the library that it names is not on the loader's path, or that library lacks the X libraries.
 *
 * @module
 */
import { join } from "node:path";

/** Environment variables. */
export type Environment = Record<string, string>;

/** What lies on the disk. */
export interface DriverFiles {
  /** Manifests of Vulkan drivers by NVIDIA. */
  manifests: string[];
  /** NVIDIA's libraries that are a Vulkan driver. */
  libraries: string[];
}

/** Where drivers and their manifests lie, and how many folders deep. */
const PLACES: [folder: string, depth: number][] = [
  ["/usr/local/nvidia", 5],
  ["/usr/share/vulkan", 3],
  ["/etc/vulkan", 3],
  ["/usr/local/share/vulkan", 3],
  ["/usr/share/glvnd", 3],
  ["/usr/lib/x86_64-linux-gnu", 3],
  ["/usr/lib/aarch64-linux-gnu", 3],
  ["/usr/lib64", 3],
  ["/run/opengl-driver", 4],
];

/** Folders of libraries that the driver may need beside its own. */
const LIBRARY_FOLDERS = [
  "/usr/local/nvidia/lib64",
  "/usr/local/nvidia/lib",
  "/usr/lib/x86_64-linux-gnu",
];

const MANIFEST = /nvidia.*icd.*\.json$/i;
const LIBRARY = /^lib(GLX|EGL)_nvidia\.so\.0$/;

/** Files under `folder`, links followed, at most `depth` folders deep. */
function* filesUnder(folder: string, depth: number): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch {
    return; // There is no such folder, or not for us.
  }
  for (const { name, isDirectory, isSymlink } of entries) {
    const path = join(folder, name);
    if (isDirectory || isSymlink && isFolder(path)) {
      if (depth > 1) yield* filesUnder(path, depth - 1);
    } else yield path;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** NVIDIA's drivers in the usual places. */
export function findDriverFiles(places: readonly [string, number][] = PLACES): DriverFiles {
  const manifests = new Set<string>(), libraries = new Map<string, string>();
  for (const [folder, depth] of places) {
    for (const path of filesUnder(folder, depth)) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (MANIFEST.test(name)) manifests.add(path);
      // GLX's needs the X libraries, EGL's does not: either may be the one that works.
      else if (LIBRARY.test(name) && !libraries.has(name)) libraries.set(name, path);
    }
  }
  return { manifests: [...manifests].sort(), libraries: [...libraries.values()].sort() };
}

/**
 * Environments with which the loader may find the driver, those that change the least first.
 *
 * @param options `ownManifest` gives the path of a manifest that names a library by its full path; `extra` are folders
 * of libraries besides the usual ones, `before` is the LD_LIBRARY_PATH of this process.
 */
export function driverEnvironments(
  { manifests, libraries }: DriverFiles,
  { ownManifest, extra, before }: {
    ownManifest: (library: string) => string;
    extra?: string;
    before?: string;
  },
): Environment[] {
  const LD_LIBRARY_PATH = [before, ...LIBRARY_FOLDERS, extra].filter(Boolean).join(":");
  return [
    {},
    ...[...manifests, ...libraries.map(ownManifest)].flatMap((VK_DRIVER_FILES): Environment[] => [
      { VK_DRIVER_FILES },
      { VK_DRIVER_FILES, LD_LIBRARY_PATH },
    ]),
  ];
}

/** Writes a manifest for the driver `library` into `folder`, and returns its path. */
export function writeManifest(folder: string, library: string): string {
  const path = join(folder, `${library.slice(library.lastIndexOf("/") + 1)}.json`);
  Deno.writeTextFileSync(
    path,
    JSON.stringify({
      file_format_version: "1.0.0",
      ICD: { library_path: library, api_version: "1.3.277" },
    }),
  );
  return path;
}
