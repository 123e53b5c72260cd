// WebAuthn L3 section 7.1, for ES256 keys without attestation.

import * as relyingParty from "zeropass:host/relying-party@1.0.0";
import * as signatures from "zeropass:host/signatures@1.0.0";
import * as ceremonies from "zeropass:store/ceremonies@1.0.0";
import * as credentials from "zeropass:store/credentials@1.0.0";

import { equal } from "./bytes.js";
import { decode } from "./cbor.js";
import { form, fresh, now, passkey } from "./ceremony.js";
import { ask, reject } from "./rejection.js";
import { ES256, authenticatorData, clientData, point } from "./verify.js";

function begin(request) {
  const profile = ask(() => relyingParty.describe(request.rpId));
  if (!profile.algorithms.includes(ES256)) {
    throw reject("algorithm-not-allowed", "this revision offers ES256 only");
  }
  const { allowed, denied, deviceBound, anchored, minimumCertification } = profile.authenticators;
  if (allowed.length + denied.length > 0 || deviceBound || anchored || minimumCertification) {
    throw reject("not-permitted", "this revision can't tell authenticators apart");
  }
  const existing = ask(() => credentials.listForUser(request.rpId, request.user.id));
  const ceremony = fresh("registration", profile, {
    user: request.user,
    userVerification: request.userVerification ?? profile.userVerification,
    residentKey: request.residentKey ?? profile.residentKey,
    algorithms: [ES256],
    credentials: existing.map((credential) => credential.id),
  });
  ask(() => ceremonies.put(ceremony));
  return {
    ceremony: ceremony.id,
    expiresAt: ceremony.expiresAt,
    rpId: profile.id,
    rpName: profile.name,
    user: request.user,
    challenge: ceremony.challenge,
    algorithms: ceremony.algorithms,
    timeout: profile.ceremonyTimeout,
    excludeCredentials: existing.map(({ id, transports }) => ({ id, transports })),
    userVerification: ceremony.userVerification,
    residentKey: ceremony.residentKey,
    attestation: "none",
    hints: request.hints,
    extensions: "{}",
  };
}

function finish(rpId, id, response, label) {
  const ceremony = ask(() => ceremonies.take(rpId, id, "registration"));
  const profile = ask(() => relyingParty.describe(rpId));
  form(response);
  clientData(response.clientDataJson, "webauthn.create", ceremony, profile);

  const object = decode(response.attestationObject);
  const whole = object?.value instanceof Map && object.end === response.attestationObject.length;
  const data = whole ? object.value.get("authData") : null;
  if (!ArrayBuffer.isView(data)) throw reject("malformed", "no attestation object");
  const { attested, ...authenticator } = authenticatorData(data, ceremony);
  if (attested === null || !equal(attested.id, response.rawId)) {
    throw reject("malformed", "rawId is not the attested credential's");
  }
  const statement = object.value.get("attStmt");
  if (object.value.get("fmt") !== "none" || statement?.size !== 0) {
    throw reject("attestation-invalid", "this revision verifies no attestation");
  }
  const key = point(attested.key);
  try {
    // An empty signature asks about the key alone.
    signatures.verify(ES256, key, new Uint8Array(), new Uint8Array());
  } catch {
    throw reject("malformed", "the key is no point of its curve");
  }

  const credential = {
    rpId,
    userId: ceremony.user.id,
    id: attested.id,
    label: label?.trim() || "Passkey",
    status: "active",
    createdAt: now(),
    lastUsedAt: null,
    publicKey: attested.publicKey,
    algorithm: ES256,
    signCount: authenticator.signCount,
    aaguid: attested.aaguid,
    transports: response.transports,
    backupEligible: authenticator.backupEligible,
    backupState: authenticator.backupState,
    userVerified: authenticator.userVerified,
    discoverable: null,
    attestationFormat: "none",
    suspendedAt: null,
    cloneAlarmAt: null,
  };
  const onlyFirst = profile.lifecycle.stepUp && ceremony.credentials.length === 0;
  ask(() => credentials.insert(credential, onlyFirst));
  return { passkey: passkey(credential), user: ceremony.user, extensions: "{}" };
}

export const registration = { begin, finish };
