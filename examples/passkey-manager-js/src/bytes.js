// Byte strings: comparison, base64url, UTF-8.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export const equal = (left, right) =>
  left.length === right.length && left.every((byte, index) => byte === right[index]);

/** Base64url without padding (RFC 4648 section 5). */
export function encode(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const digits = Math.min(4, bytes.length - at + 1);
    for (let digit = 0; digit < digits; digit += 1) {
      text += ALPHABET[(group >> (18 - 6 * digit)) & 63];
    }
  }
  return text;
}

/** A text of ASCII as bytes; what this component hashes is never anything else. */
export const ascii = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 0x7f);

/** UTF-8, strictly (RFC 3629). Null where the bytes are none. */
export function utf8(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : -1;
    if (more < 0 || first > 0xf4 || at + more >= bytes.length) return null;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let next = 1; next <= more; next += 1) {
      if ((bytes[at + next] & 0xc0) !== 0x80) return null;
      point = (point << 6) | (bytes[at + next] & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null;
    text += String.fromCodePoint(point);
    at += more + 1;
  }
  return text;
}

/** The 16 bytes of a UUID: the user handle of an account. */
export const uuid = (id) => Uint8Array.from(id.replaceAll("-", "").match(/../g), (pair) => parseInt(pair, 16));
