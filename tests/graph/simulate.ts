/**
 * Made-up traces, and machines that run them on numbers instead of a GPU: one on which every tensor has memory of its
 * own, and one that does what a plan says, in its buffers and textures. A dispatch turns the content of what it reads
 * into a hash, and writes numbers made of that; so it shows in all that follows when something has the wrong content.
 */
import { assert } from "../assert.ts";
import type { Access, Kernel } from "../../src/gpu/kernel.ts";
import type { Store } from "../../src/gpu/memory.ts";
import type { Plan } from "../../src/graph/plan.ts";
import type { Dispatch } from "../../src/graph/dispatch_list.ts";
import { originOf, regionOf, sizeOf, slice, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { hashText, type Random } from "../../src/base/random.ts";

/** Memory is simulated in cells of so many bytes: one row of a tensor [cells, 64]. */
const CELL_BYTES = 256;

/** A tensor of so many cells without a place. */
export function tensorOf(name: string, cells: number): Tensor {
  return { name, shape: [cells, CELL_BYTES / 4], region: null };
}

/**
 * A dispatch of a made-up kernel, whose bindings are called `a`, `b`, …
 *
 * @param options `reads`, `textures` and `writes`: what it binds. Unless it is `repeatable` or `fresh`, it reads what it
 * writes too. `told`: it has parameters that say where in a texture a tensor begins.
 */
export function dispatchOf(
  name: string,
  { reads = [], textures = [], writes, repeatable = false, told = false }: {
    reads?: Tensor[];
    textures?: Tensor[];
    writes: Tensor[];
    repeatable?: boolean;
    told?: boolean;
  },
): Dispatch {
  const accesses: Access[] = [
    ...reads.map(() => "read" as const),
    ...textures.map(() => "texture" as const),
    ...writes.map(() => "read_write" as const),
  ];
  const letters = accesses.map((access, i) => [String.fromCharCode(97 + i), access] as const);
  const at = letters.filter(([, access]) => access === "texture").map(([name]) => [`${name}At`, "u32"]);
  const kernel: Kernel = {
    name,
    files: {},
    bindings: Object.fromEntries(letters),
    params: told ? Object.fromEntries(at) : {},
    repeatable,
  };
  const tensors = [...reads, ...textures, ...writes];
  return { kernel, constants: {}, tensors, params: {}, grid: [1, 1, 1], flops: 0 };
}

/** A made-up trace: tensors made at once or in two slices, some changed in place, parameters changed here and there. */
export function randomTrace(
  random: Random,
  { length = 60 }: { length?: number } = {},
): { dispatches: Dispatch[]; keep: Tensor[] } {
  const given: Store = { name: "parameters", category: "parameters", bytes: 12 * CELL_BYTES };
  const parameters = [0, 1, 2].map((i) =>
    tensorIn(given, { name: `p${i}`, shape: [4, 64], offset: 4 * i * CELL_BYTES })
  );
  const known: Tensor[] = [...parameters], dispatches: Dispatch[] = [];
  const some = (n: number, without: Tensor[] = []) => {
    const found = new Set<Tensor>();
    for (let i = 0; i < n; i++) {
      // Rather young ones, so that others die or wait.
      const young = Math.max(0, known.length - 1 - random.integer(random.chance(0.2) ? length : 4));
      const tensor = known[random.chance(0.1) ? random.integer(3) : young];
      if (!without.includes(tensor)) found.add(tensor);
    }
    return [...found].map((tensor) => {
      const [cells] = tensor.shape;
      if (cells < 2 || !random.chance(0.2)) return tensor;
      const cut = 1 + random.integer(cells - 1);
      return slice(tensor, random.chance(0.5) ? { begin: 0, end: cut } : { begin: cut, end: cells });
    });
  };
  for (let i = 0; i < length; i++) {
    const told = random.chance(0.5);
    const [changed] = some(1), inPlace = random.chance(0.1);
    const output = tensorOf(`t${i}`, 1 + random.integer(20));
    // A dispatch may not read the store that it writes.
    const written = originOf(changed).region ? parameters : [originOf(changed), changed];
    const inputs = some(1 + random.integer(3), inPlace ? written : []);
    const reads = inputs.filter(() => random.chance(0.5)),
      textures = inputs.filter((x) => !reads.includes(x));
    if (inPlace) {
      dispatches.push(dispatchOf(`change ${i}`, { reads, textures, writes: [changed], told }));
      continue;
    }
    const repeatable = random.chance(0.5), kernel = repeatable ? "repeat" : "make";
    const cut = random.integer(output.shape[0]);
    const parts = cut === 0
      ? [output]
      : [slice(output, { begin: 0, end: cut }), slice(output, { begin: cut, end: output.shape[0] })];
    parts.forEach((part, j) =>
      dispatches.push(
        dispatchOf(`${kernel} ${i}.${j}`, { reads, textures, writes: [part], repeatable, told }),
      )
    );
    known.push(output);
  }
  return { dispatches, keep: known.filter((tensor) => !tensor.region && random.chance(0.1)) };
}

/** What a dispatch found, by its kernel's name; every dispatch of a trace has a kernel of its own. */
export type Findings = Map<string, number>;

type Cells = { [index: number]: number };

function hash(numbers: readonly (number | undefined)[], name: string): number {
  return hashText(`${name} ${numbers.join()}`);
}

/** Does what `dispatch` does, given what it reads and where it writes. */
function execute(
  { kernel, tensors }: Dispatch,
  access: (tensor: Tensor, binding: number) => { cells: Cells; first: number },
): number {
  const count = (tensor: Tensor) => sizeOf(tensor.shape) * 4 / CELL_BYTES;
  const isOutput = (i: number) => Object.values(kernel.bindings)[i] === "read_write";
  const places = tensors.map(access);
  const found = tensors.flatMap((tensor, i) => {
    if (isOutput(i) && !kernel.name.startsWith("change")) return [];
    const { cells, first } = places[i];
    return Array.from({ length: count(tensor) }, (_, c) => cells[first + c]);
  });
  const result = hash(found, kernel.name);
  tensors.forEach((tensor, i) => {
    if (!isOutput(i)) return;
    const { cells, first } = places[i];
    for (let c = 0; c < count(tensor); c++) cells[first + c] = hash([result, i, c], "");
  });
  return result;
}

/** Runs the trace as it stands, each tensor and each given store in memory of its own, `runs` times. */
export function runTrace(dispatches: readonly Dispatch[], { runs = 2 } = {}): Findings {
  const memory = new Map<Tensor | Store, Cells>(), findings: Findings = new Map();
  for (let run = 0; run < runs; run++) {
    for (const dispatch of dispatches) {
      const found = execute(dispatch, (tensor) => {
        const origin = originOf(tensor), owner = origin.region?.store ?? origin;
        if (!memory.has(owner)) memory.set(owner, {});
        const bytes = (origin.region?.offset ?? 0) + (tensor.offset ?? 0);
        return { cells: memory.get(owner)!, first: bytes / CELL_BYTES };
      });
      findings.set(`${dispatch.kernel.name}, run ${run}`, found);
    }
  }
  return findings;
}

/** Runs what `plan` says `runs` times; throws where WebGPU would, or where a dispatch that is repeated differs. */
export function runPlan({ dispatches, stores, textures }: Plan, { runs = 2 } = {}): Findings {
  const memory = new Map<Store, Cells>([...stores, ...textures].map((store) => [store, {}]));
  const findings: Findings = new Map();
  for (let run = 0; run < runs; run++) {
    for (const { dispatch, copies, textures } of dispatches) {
      const { name, bindings, params } = dispatch.kernel;
      for (const { from, to } of copies) {
        assert(from.bytes <= to.bytes, `${name}: a copy of ${from.bytes} bytes does not fit ${to.name}`);
        const [source, target] = [memory.get(from.store)!, memory.get(to)!];
        for (let c = 0; c < from.bytes / CELL_BYTES; c++) target[c] = source[from.offset / CELL_BYTES + c];
      }
      const bound = new Map<Store, boolean>();
      const found = execute(dispatch, (tensor, i) => {
        const region = regionOf(tensor), [letter, access] = Object.entries(bindings)[i];
        assert(region.offset + region.bytes <= region.store.bytes, `${tensor.name} does not fit its buffer`);
        if (access !== "texture") {
          const writes = access === "read_write";
          assert(
            (bound.get(region.store) ?? writes) === writes,
            `${name} reads and writes ${region.store.name}`,
          );
          bound.set(region.store, writes);
          return { cells: memory.get(region.store)!, first: region.offset / CELL_BYTES };
        }
        const { from, to } = textures.get(i)!;
        const at = region.offset - from.offset;
        assert(at === 0 || `${letter}At` in params, `${name} is not told where ${letter} begins`);
        assert(at >= 0 && at + region.bytes <= from.bytes, `${name} reads beyond what was copied`);
        return { cells: memory.get(to)!, first: at / CELL_BYTES };
      });
      const key = `${name}, run ${run}`;
      assert((findings.get(key) ?? found) === found, `${key} differs when it is repeated`);
      findings.set(key, found);
    }
  }
  return findings;
}
