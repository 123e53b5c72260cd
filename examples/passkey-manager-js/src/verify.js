// What both ceremonies check of client data and authenticator data (WebAuthn L3
// sections 7.1 and 7.2). This revision takes ES256 and nothing else.

import { ascii, encode, equal, utf8 } from "./bytes.js";
import { decode } from "./cbor.js";
import { reject } from "./rejection.js";
import { sha256 } from "./sha256.js";

export const ES256 = -7;

const FLAGS = { UP: 1, UV: 4, BE: 8, BS: 16, AT: 64, ED: 128 };
const KNOWN = Object.values(FLAGS).reduce((all, flag) => all | flag);

/** Client data of this type, for this ceremony; answers its hash. */
export function clientData(bytes, type, ceremony, profile) {
  let data;
  try {
    data = JSON.parse(utf8(bytes) ?? "");
  } catch {
    throw reject("malformed", "client data is not JSON");
  }
  if (data?.type !== type) throw reject("malformed", `client data is not of the type ${type}`);
  if (data.challenge !== encode(ceremony.challenge)) {
    throw reject("challenge-mismatch", "client data is about another challenge");
  }
  const framed = data.crossOrigin === true || data.topOrigin !== undefined;
  const framing = profile.allowCrossOrigin && profile.topOrigins.includes(data.topOrigin);
  if (!profile.origins.includes(data.origin) || (framed && !framing)) {
    throw reject("origin-mismatch", "the origin is not one of the relying party's");
  }
  return sha256(bytes);
}

/** Authenticator data for this ceremony, to the last byte. */
export function authenticatorData(bytes, ceremony) {
  const malformed = (what) => reject("malformed", `authenticator data: ${what}`);
  if (bytes.length < 37) throw malformed("too short");
  const flags = bytes[32];
  const has = (flag) => (flags & flag) !== 0;
  if ((flags & ~KNOWN) !== 0) throw malformed("reserved flags are set");
  if (has(FLAGS.BS) && !has(FLAGS.BE)) throw malformed("a backup that is not possible");
  let end = 37;
  let attested = null;
  if (has(FLAGS.AT)) {
    const length = bytes[53] * 256 + bytes[54];
    const key = decode(bytes, 55 + length);
    if (bytes.length < 56 || length < 1 || length > 1023 || key === null) {
      throw malformed("no attested credential");
    }
    const { end: keyEnd, value } = key;
    const start = 55 + length;
    attested = {
      aaguid: bytes.slice(37, 53),
      id: bytes.slice(55, start),
      key: value,
      publicKey: bytes.slice(start, keyEnd),
    };
    end = keyEnd;
  }
  if (has(FLAGS.ED)) {
    const extensions = decode(bytes, end);
    if (!(extensions?.value instanceof Map)) throw malformed("no extension outputs");
    end = extensions.end;
  }
  if (end !== bytes.length) throw malformed("bytes are left over");

  if (!equal(bytes.subarray(0, 32), sha256(ascii(ceremony.rpId)))) {
    throw reject("rp-id-mismatch", "made for another relying party");
  }
  if (!has(FLAGS.UP)) throw reject("user-presence-missing", "nobody was there");
  if (ceremony.userVerification === "required" && !has(FLAGS.UV)) {
    throw reject("user-verification-missing", "the user was not verified");
  }
  return {
    attested,
    userVerified: has(FLAGS.UV),
    backupEligible: has(FLAGS.BE),
    backupState: has(FLAGS.BS),
    signCount: new DataView(bytes.buffer, bytes.byteOffset).getUint32(33),
  };
}

/** The point of an ES256 key (RFC 9053 section 7.1.1). */
export function point(key) {
  const [x, y] = key instanceof Map ? [key.get(-2), key.get(-3)] : [];
  const form = x?.length === 32 && y?.length === 32 && key.get(1) === 2 && key.get(-1) === 1;
  if (!form || key.get(3) !== ES256) {
    throw reject("algorithm-not-allowed", "this revision takes ES256 keys only");
  }
  return { tag: "ec2", val: { x, y } };
}
