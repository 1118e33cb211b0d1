/**
 * Events as TensorBoard reads them, and their bytes.
 *
 * @module
 */
import { eventSchema } from "./event_schema.ts";

/** A value under a tag. */
export interface Value {
  /** "train/loss": TensorBoard groups by what stands before the slash. */
  tag: string;
  /** A number, kept as float32. */
  simpleValue?: number;
  /** A text, as a tensor without axes. */
  tensor?: { dtype: number; stringVal: string[] };
  metadata?: { pluginData: { pluginName: string } };
  image?: { height: number; width: number; colorspace: number; encodedImageString: Uint8Array };
}

/** An event; of the fields after `step` it has one. */
export interface Event {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  fileVersion?: string;
  sourceMetadata?: { writer: string };
  summary?: { value: Value[] };
  sessionLog?: { status: number };
}

/** Encodes and decodes events. */
export interface EventCoder {
  encode(event: Event): Uint8Array;
  decode(bytes: Uint8Array): Event;
}

/** Loads protobufjs. */
export async function openEventCoder(): Promise<EventCoder> {
  const { default: protobuf } = await import("npm:protobufjs@7.6.6/light.js");
  const Message = protobuf.Root.fromJSON(eventSchema).lookupType("Event");
  return {
    encode: (event) => Message.encode(event).finish(),
    decode: (bytes) => Message.toObject(Message.decode(bytes), { longs: Number, defaults: false }) as Event,
  };
}
