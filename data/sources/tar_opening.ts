/**
 * Lists the samples of local tar archives: from the headers of plain ones, by reading compressed ones once.
 *
 * @module
 */
import { KIND_BYTES, looksLikeImage } from "../formats/kind.ts";
import { fileBytes } from "./bytes.ts";
import { compressionOf, decompressed, MAGIC_BYTES } from "./compression.ts";
import { countedAs } from "./file_names.ts";
import type { OpenContext } from "./open_options.ts";
import { distinctNames } from "./split_files.ts";
import { type Place, TarCatalog } from "./tar_catalog.ts";
import { tarEntries, type TarEntry, WindowedFile } from "./tar_index.ts";
import { labelIn, labelSizeReason } from "./tar_labels.ts";
import { linkTargets } from "./tar_links.ts";
import { type Role, roleOf } from "./tar_roles.ts";
import { type Ended, Runs } from "./tar_runs.ts";
import { FURTHER, REST, SAMPLED_BYTES, tarSamples } from "./tar_stream.ts";

/** The samples of the archives at `paths`, and which archives are compressed. */
export async function catalogOf(
  paths: readonly string[],
  { survey, label }: OpenContext,
): Promise<{ catalog: TarCatalog; compressed: boolean[] }> {
  const catalog = new TarCatalog(distinctNames(paths).map((name) => `${name}/`), survey);
  const compressed: boolean[] = [];
  for (const path of paths) {
    catalog.begin();
    using file = new WindowedFile(path);
    const compression = compressionOf(file.at(0, MAGIC_BYTES));
    compressed.push(compression !== null);
    if (compression) {
      await listStream(path, decompressed(path, compression, fileBytes(path)), { catalog, label });
    } else listPlain(path, file, { catalog, label });
    catalog.end();
  }
  return { catalog, compressed };
}

interface Listing {
  catalog: TarCatalog;
  /** The field of the label in .json entries. */
  label?: string;
}

async function listStream(
  path: string,
  chunks: AsyncGenerator<Uint8Array>,
  { catalog, label }: Listing,
): Promise<void> {
  const samples = tarSamples(path, chunks, {
    bodies: false,
    label,
    observer: {
      leaveOut: ({ name, ...left }) => catalog.leaveOut(name, left),
      stray: (stray) => catalog.addStray(stray),
      samples: (name) => catalog.wantsContent(name),
      sampled: (name, head) => catalog.addContent(name, head),
    },
  });
  for await (const { name, size, cls, isLabeled } of samples) {
    const role = roleOf(name);
    if (!("name" in role)) continue;
    catalog.add({ name: role.name, label: isLabeled ? cls : undefined, image: { offset: 0, size } });
  }
}

function listPlain(path: string, file: WindowedFile, { catalog, label: wanted }: Listing): void {
  const runs = new Runs<Place>();
  const take = ({ samples, further, strays }: Ended<Place>) => {
    samples.forEach((sample) => catalog.add(sample));
    further.forEach(({ name }) => catalog.leaveOut(name.path, FURTHER));
    strays.forEach((stray) => catalog.addStray(stray));
  };
  let targets: Map<string, TarEntry> | null = null;
  const onRest = (offset: number) => catalog.leaveOut(`byte ${offset}`, REST);
  for (const listed of tarEntries(path, file, { onRest })) {
    let entry = listed;
    if (entry.kind.endsWith("link")) {
      targets ??= linkTargets(path);
      entry = targets.get(entry.name) ?? entry;
      entry = { ...entry, name: listed.name };
    }
    const role = settledRole(entry, file);
    if (role.kind === "left out") catalog.leaveOut(entry.name, { kind: role.as, reason: role.reason });
    if (!("name" in role) || role.kind === "unknown") continue;
    const { name } = role, ended = runs.enter({ name, isLabel: role.kind !== "image" });
    if (ended) take(ended);
    if (role.kind === "image") {
      runs.addImage(name, { offset: entry.offset, size: entry.size });
      if (!catalog.wantsContent(name.path)) continue;
      catalog.addContent(name.path, file.at(entry.offset, Math.min(entry.size, SAMPLED_BYTES)));
      continue;
    }
    const tooLarge = labelSizeReason(path, { ...entry, kind: role.kind });
    const found = tooLarge
      ? { reason: tooLarge }
      : labelIn(role.kind, file.at(entry.offset, entry.size), wanted);
    if ("label" in found) runs.addLabel(name, found.label, role.kind === "cls");
    else catalog.leaveOut(entry.name, { kind: `.${role.kind}`, reason: found.reason });
  }
  take(runs.end());
}

/** The role of an entry; images among those of unknown names are found by their first bytes. */
function settledRole({ name, kind, offset, size }: TarEntry, file: WindowedFile): Role {
  const role = roleOf(name);
  if (!("name" in role)) return role;
  if (kind !== "file") {
    const reason = kind === "sparse file"
      ? "stored with holes: unpack it"
      : "it leads to no file of the archive";
    return role.kind === "unknown" ? { kind: "ignored" } : { kind: "left out", as: kind, reason };
  }
  if (role.kind !== "unknown") return role;
  if (looksLikeImage(file.at(offset, Math.min(size, KIND_BYTES)))) return { ...role, kind: "image" };
  return { kind: "left out", as: countedAs(name), reason: "no image" };
}
