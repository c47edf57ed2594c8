/** Reads a `GstStructure` of any fields into plain values that survive JSON. */
import type { Fields, FieldValue } from '../messages.js';
import type { Structure } from './gstreamer.js';

/** GLib's fundamental types: fixed numbers, `G_TYPE_MAKE_FUNDAMENTAL(n)` = n × 4. */
const G_TYPE = {
  boolean: 20n,
  int: 24n,
  uint: 28n,
  int64: 40n,
  uint64: 44n,
  double: 60n,
  string: 64n,
} as const;

/** No element of ours posts more; a foreign one must not flood the channel. */
const MAX_FIELDS = 64;

const fromBigInt = (value: bigint): number | string =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value.toString();

const readField = (structure: Structure, name: string): FieldValue => {
  switch (structure.getFieldType(name)) {
    case G_TYPE.boolean:
      return structure.getBoolean(name)[1];
    case G_TYPE.int:
      return structure.getInt(name)[1];
    case G_TYPE.uint:
      return structure.getUint(name)[1];
    case G_TYPE.int64:
      return fromBigInt(structure.getInt64(name)[1]);
    case G_TYPE.uint64:
      return fromBigInt(structure.getUint64(name)[1]);
    case G_TYPE.double:
      return structure.getDouble(name)[1];
    case G_TYPE.string:
      return structure.getString(name);
    default: {
      // GstFraction's type number is given out at run time, so it is recognised by trying.
      const [isFraction, numerator, denominator] = structure.getFraction(name);
      return isFraction ? `${numerator}/${denominator}` : null;
    }
  }
};

/**
 * All fields of a structure, by name: 64-bit integers as numbers up to 2^53 and strings above, fractions as `60/1`,
 * what has no plain form (lists, caps, buffers) as null.
 */
export const toFields = (structure: Structure | null | undefined): Fields => {
  const fields: Record<string, FieldValue> = {};
  if (!structure) return fields;
  const count = Math.min(structure.nFields(), MAX_FIELDS);
  for (let i = 0; i < count; i += 1) {
    const name = structure.nthFieldName(i);
    fields[name] = readField(structure, name);
  }
  return fields;
};
