/**
 * Event files read by the formats' descriptions alone, without the packages that write them: TFRecord with CRC-32C bit by
 * bit, and the wire format of protobuf.
 */
import { assert, assertEquals } from "../assert.ts";

/** CRC-32C (RFC 3720, appendix B.4), reflected polynomial 82f63b78. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function unmasked(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return (rotated << 15 | rotated >>> 17) >>> 0;
}

/** The data of the records of a whole file. */
export function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at),
      length = Number(view.getBigUint64(0, true));
    assertEquals(crc32c(bytes.subarray(at, at + 8)), unmasked(view.getUint32(8, true)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assertEquals(data.length, length);
    assertEquals(crc32c(data), unmasked(view.getUint32(12 + length, true)));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

type Field = number | Uint8Array;

/** The fields of a message by number: numbers as they are, fixed ones and contents as bytes. */
function fieldsOf(bytes: Uint8Array): Map<number, Field[]> {
  let at = 0;
  const varint = () => {
    for (let value = 0, factor = 1;; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => bytes.subarray(at, at += length);
  const fields = new Map<number, Field[]>();
  while (at < bytes.length) {
    const key = varint(), kind = key % 8, id = Math.floor(key / 8);
    assert([0, 1, 2, 5].includes(kind), `kind ${kind}`);
    const value = kind === 0 ? varint() : take(kind === 1 ? 8 : kind === 5 ? 4 : varint());
    fields.set(id, [...fields.get(id) ?? [], value]);
  }
  assertEquals(at, bytes.length);
  return fields;
}

const text = (field: Field | undefined) =>
  field === undefined ? undefined : new TextDecoder().decode(field as Uint8Array);
const viewOf = (field: Field) => {
  const { buffer, byteOffset, byteLength } = field as Uint8Array;
  return new DataView(buffer, byteOffset, byteLength);
};

export interface ReadImage {
  height: number;
  width: number;
  colorspace: number;
  png: Uint8Array;
}

export interface ReadValue {
  tag: string;
  number?: number;
  image?: ReadImage;
  text?: string;
}

export interface ReadEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  /** The status of a SessionLog. */
  session?: number;
  values: ReadValue[];
}

function valueOf(bytes: Field): ReadValue {
  const fields = fieldsOf(bytes as Uint8Array), [number] = fields.get(2) ?? [], [image] = fields.get(4) ?? [];
  const value: ReadValue = { tag: text(fields.get(1)![0])! };
  if (number !== undefined) value.number = viewOf(number).getFloat32(0, true);
  if (image !== undefined) {
    const of = fieldsOf(image as Uint8Array),
      [height, width, colorspace] = [1, 2, 3].map((id) => of.get(id)![0] as number);
    value.image = { height, width, colorspace, png: of.get(4)![0] as Uint8Array };
  }
  const [tensor] = fields.get(8) ?? [], [metadata] = fields.get(9) ?? [];
  if (tensor !== undefined) {
    const of = fieldsOf(tensor as Uint8Array), plugin = fieldsOf(metadata as Uint8Array).get(1)![0];
    assertEquals([of.get(1), text(fieldsOf(plugin as Uint8Array).get(1)![0])], [[7], "text"]);
    value.text = text(of.get(8)![0]);
  }
  return value;
}

/** The events of a whole file. */
export function eventsOf(bytes: Uint8Array): ReadEvent[] {
  return recordsOf(bytes).map((data) => {
    const fields = fieldsOf(data), [summary] = fields.get(5) ?? [], [log] = fields.get(7) ?? [];
    return {
      wallTime: viewOf(fields.get(1)![0]).getFloat64(0, true),
      step: (fields.get(2)?.[0] ?? 0) as number,
      fileVersion: text(fields.get(3)?.[0]),
      session: log === undefined ? undefined : fieldsOf(log as Uint8Array).get(1)![0] as number,
      values: summary === undefined ? [] : (fieldsOf(summary as Uint8Array).get(1) ?? []).map(valueOf),
    };
  });
}
