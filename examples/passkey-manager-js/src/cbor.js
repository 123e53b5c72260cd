// The subset of CBOR that authenticators speak (CTAP2 section 8): definite lengths, no
// tags, no floating point, keys that stand once. Bounds on depth are below.

import { utf8 } from "./bytes.js";

const MAX_DEPTH = 8;

/** Decode one item; answers `{ value, end }`, or null for anything malformed. */
export function decode(bytes, start = 0, depth = 0) {
  if (depth > MAX_DEPTH || start >= bytes.length) return null;
  const kind = bytes[start] >> 5;
  const head = argument(bytes, start);
  if (head === null) return null;
  const { value: count, end } = head;
  switch (kind) {
    case 0:
      return head;
    case 1:
      return { value: -1 - count, end };
    case 2:
    case 3: {
      if (count > bytes.length - end) return null;
      const content = bytes.subarray(end, end + count);
      const value = kind === 2 ? content : utf8(content);
      return value === null ? null : { value, end: end + count };
    }
    case 4:
      return items(bytes, end, count, depth);
    case 5: {
      const flat = items(bytes, end, 2 * count, depth);
      if (flat === null) return null;
      const map = new Map();
      for (let at = 0; at < flat.value.length; at += 2) {
        const key = flat.value[at];
        if (typeof key === "object" || map.has(key)) return null;
        map.set(key, flat.value[at + 1]);
      }
      return { value: map, end: flat.end };
    }
    default:
      return simple(bytes[start], end);
  }
}

function items(bytes, start, count, depth) {
  // Each takes a byte at least, so a count beyond the rest is malformed.
  if (count > bytes.length - start) return null;
  const list = [];
  let end = start;
  for (let at = 0; at < count; at += 1) {
    const item = decode(bytes, end, depth + 1);
    if (item === null) return null;
    list.push(item.value);
    end = item.end;
  }
  return { value: list, end };
}

function argument(bytes, start) {
  const info = bytes[start] & 31;
  if (info < 24) return { value: info, end: start + 1 };
  const size = { 24: 1, 25: 2, 26: 4 }[info];
  if (size === undefined || start + size >= bytes.length) return null;
  let value = 0;
  for (let at = 1; at <= size; at += 1) value = value * 256 + bytes[start + at];
  return { value, end: start + 1 + size };
}

function simple(head, end) {
  const values = { 0xf4: false, 0xf5: true, 0xf6: null };
  return head in values ? { value: values[head], end } : null;
}
