/**
 * Builds an ONNX graph node by node, and encodes it.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { ATTRIBUTE_TYPES, DATA_TYPES, onnxSchema } from "./onnx_schema.ts";

/** The name of a value in the graph. */
export type Value = string;

/** An attribute of a node. A number is an integer, unless it is marked as a float. */
export type Attribute = number | string | readonly number[] | { float: number };

type ElementType = keyof typeof DATA_TYPES;

/** A size: a number, or the name of one that is known when the graph runs. */
export type Dimension = number | string;

/** The IR version that every runtime of opset 17 and later reads. */
const IR_VERSION = 8;

/** What stands in the file beside the graph. */
export interface ModelDescription {
  opset: number;
  metadata: Readonly<Record<string, string>>;
}

/** A graph under construction. */
export class GraphBuilder {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  readonly #names = new Set<string>();

  /** Declares an input of the graph. */
  input(name: string, { type, shape }: { type: ElementType; shape: readonly Dimension[] }): Value {
    this.#inputs.push(valueInfo(name, { type, shape }));
    return this.#unique(name);
  }

  /** Makes `value` an output, which is called as the value is. */
  output(value: Value, { type, shape }: { type: ElementType; shape: readonly Dimension[] }): void {
    this.#outputs.push(valueInfo(value, { type, shape }));
  }

  /** A constant of float32 values. */
  floats(name: string, { shape, data }: { shape: readonly number[]; data: Float32Array }): Value {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push({ dims: [...shape], dataType: DATA_TYPES.float, name, rawData });
    return this.#unique(name);
  }

  /** A constant list of integers, or one integer of no axis. */
  integers(name: string, values: readonly number[] | number): Value {
    const list = [values].flat(), data = BigInt64Array.from(list, (value) => BigInt(value as number));
    const rawData = new Uint8Array(data.buffer), dims = typeof values === "number" ? [] : [list.length];
    this.#initializers.push({ dims, dataType: DATA_TYPES.int64, name, rawData });
    return this.#unique(name);
  }

  /** A constant of one float64. */
  double(name: string, value: number): Value {
    const rawData = new Uint8Array(Float64Array.of(value).buffer);
    this.#initializers.push({ dims: [], dataType: DATA_TYPES.double, name, rawData });
    return this.#unique(name);
  }

  /** Appends the operator `opType`; returns its output, called `name`. */
  node(
    opType: string,
    inputs: readonly Value[],
    { name, attributes = {} }: { name: string; attributes?: Readonly<Record<string, Attribute>> },
  ): Value {
    const output = this.#unique(name);
    const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) }));
    this.#nodes.push({ input: [...inputs], output: [output], name, opType, attribute });
    return output;
  }

  /** The bytes of the .onnx file. */
  async encode({ opset, metadata }: ModelDescription): Promise<Uint8Array<ArrayBuffer>> {
    const { default: protobuf } = await import("npm:protobufjs@7.6.6/light.js");
    const Model = protobuf.Root.fromJSON(onnxSchema).lookupType("ModelProto");
    const bytes = Model.encode({
      irVersion: IR_VERSION,
      producerName: "byol",
      producerVersion: config.version,
      opsetImport: [{ domain: "", version: opset }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: "encoder",
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    }).finish();
    return bytes as Uint8Array<ArrayBuffer>;
  }

  #unique(name: string): string {
    if (this.#names.has(name)) {
      throw new TypeError(`Cannot add "${name}" to the graph: there is one already.`);
    }
    this.#names.add(name);
    return name;
  }
}

function attributeOf(value: Attribute): object {
  if (typeof value === "number") return { type: ATTRIBUTE_TYPES.int, i: value };
  if (typeof value === "string") return { type: ATTRIBUTE_TYPES.string, s: new TextEncoder().encode(value) };
  if ("float" in value) return { type: ATTRIBUTE_TYPES.float, f: value.float };
  return { type: ATTRIBUTE_TYPES.ints, ints: [...value] };
}

function valueInfo(
  name: string,
  { type, shape }: { type: ElementType; shape: readonly Dimension[] },
): object {
  const dim = shape.map((size) => typeof size === "number" ? { dimValue: size } : { dimParam: size });
  return { name, type: { tensorType: { elemType: DATA_TYPES[type], shape: { dim } } } };
}
