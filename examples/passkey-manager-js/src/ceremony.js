// The record of a ceremony between its two requests.

import * as wallClock from "wasi:clocks/wall-clock@0.2.0";
import * as random from "wasi:random/random@0.2.0";

import { encode } from "./bytes.js";
import { reject } from "./rejection.js";

export const bytes = (length) => Uint8Array.from(random.getRandomBytes(length));

/** Milliseconds since the Unix epoch. */
export function now() {
  const { seconds, nanoseconds } = wallClock.now();
  return Number(seconds) * 1000 + Math.floor(nanoseconds / 1e6);
}

export function fresh(kind, profile, fields) {
  return {
    id: encode(bytes(24)),
    rpId: profile.id,
    kind,
    challenge: bytes(32),
    expiresAt: now() + profile.ceremonyTimeout,
    user: null,
    userVerification: profile.userVerification,
    residentKey: profile.residentKey,
    attestation: "none",
    algorithms: [],
    credentials: [],
    extensions: [],
    ...fields,
  };
}

/** What both ceremonies ask of the response's own form. */
export function form(response) {
  if (response.id !== encode(response.rawId)) {
    throw reject("malformed", "id is not the base64url of rawId");
  }
}

/** A stored credential as the link has it. */
export function passkey(credential) {
  return {
    id: credential.id,
    userId: credential.userId,
    label: credential.label,
    status: credential.status,
    createdAt: credential.createdAt,
    lastUsedAt: credential.lastUsedAt,
    algorithm: credential.algorithm,
    aaguid: credential.aaguid,
    provider: null,
    transports: credential.transports,
    backupEligible: credential.backupEligible,
    backupState: credential.backupState,
    signCount: credential.signCount,
    suspendedAt: credential.suspendedAt,
    cloneAlarmAt: credential.cloneAlarmAt,
  };
}
