// WebAuthn L3 section 7.2.

import * as relyingParty from "zeropass:host/relying-party@1.0.0";
import * as signatures from "zeropass:host/signatures@1.0.0";
import * as ceremonies from "zeropass:store/ceremonies@1.0.0";
import * as credentials from "zeropass:store/credentials@1.0.0";

import { equal, uuid } from "./bytes.js";
import { decode } from "./cbor.js";
import { form, fresh, now, passkey } from "./ceremony.js";
import { absent, ask, reject } from "./rejection.js";
import { ES256, authenticatorData, clientData, point } from "./verify.js";

/** A user id that belongs to nobody, in the form of a UUID. */
const NOBODY = "00000000-0000-8000-8000-000000000000";

function begin(request) {
  const profile = ask(() => relyingParty.describe(request.rpId));
  const { user, descriptors } = subject(request);
  const ceremony = fresh("authentication", profile, {
    user,
    userVerification: request.userVerification ?? profile.userVerification,
    credentials: descriptors.map((descriptor) => descriptor.id),
  });
  ask(() => ceremonies.put(ceremony));
  return {
    ceremony: ceremony.id,
    expiresAt: ceremony.expiresAt,
    rpId: profile.id,
    challenge: ceremony.challenge,
    timeout: profile.ceremonyTimeout,
    allowCredentials: descriptors,
    userVerification: ceremony.userVerification,
    hints: request.hints,
    extensions: "{}",
  };
}

/** Who is to sign in, and with what. Without passkeys, with one that exists nowhere. */
function subject({ rpId, subject: { tag, val } }) {
  if (tag === "anyone") return { user: null, descriptors: [] };
  const decoy = Uint8Array.from(ask(() => relyingParty.pseudonym(rpId, "decoy-credential", val)));
  const own = ask(() => credentials.listForUser(rpId, tag === "account" ? val : NOBODY));
  const descriptors = own.map(({ id, transports }) => ({ id, transports }));
  if (descriptors.length > 0) return { user: pinned(val), descriptors };
  const transports = ["hybrid", "internal"];
  return { user: pinned(NOBODY), descriptors: [{ id: decoy, transports }] };
}

const pinned = (id) => ({ id, name: "", displayName: "" });

function finish(rpId, id, response) {
  const ceremony = ask(() => ceremonies.take(rpId, id, "authentication"));
  const profile = ask(() => relyingParty.describe(rpId));
  form(response);
  const hash = clientData(response.clientDataJson, "webauthn.get", ceremony, profile);

  // An option without a value is undefined.
  const anyone = ceremony.user === undefined;
  const listed = ceremony.credentials.some((one) => equal(one, response.rawId));
  if (!anyone && !listed) throw reject("credential-unknown", "not one of those asked for");
  const credential = find(rpId, response.rawId);
  if (credential === null) throw anyone ? absent() : reject("credential-unknown", "no such passkey");
  const owner = uuid(credential.userId);
  const handle = response.userHandle;
  const named = anyone || ceremony.user.id === credential.userId;
  const own = handle === undefined ? !anyone : equal(handle, owner);
  if (!named || !own) throw reject("user-handle-mismatch", "the passkey is another account's");

  const data = authenticatorData(response.authenticatorData, ceremony);
  const policy = profile.lifecycle;
  const learnt =
    policy.acceptLateBackupEligibility && data.backupEligible && !credential.backupEligible;
  if (data.attested !== null || (data.backupEligible !== credential.backupEligible && !learnt)) {
    throw reject("malformed", "authenticator data is not about this passkey");
  }
  const message = new Uint8Array(response.authenticatorData.length + hash.length);
  message.set(response.authenticatorData);
  message.set(hash, response.authenticatorData.length);
  const key = point(decode(credential.publicKey)?.value);
  if (response.signature.length === 0 || !signatures.verify(ES256, key, message, response.signature)) {
    throw reject("signature-invalid", "the signature is not the passkey's");
  }
  if (credential.status !== "active") throw reject("credential-suspended", "it is suspended");
  const counts = data.signCount !== 0 || credential.signCount !== 0;
  const stuck = counts && data.signCount <= credential.signCount;
  const answer = data.backupEligible ? policy.counterSynced : policy.counter;
  if (stuck && answer === "deny") throw reject("counter-regressed", "the counter did not grow");
  const alarm = stuck && answer === "alarm";
  const used = ask(() =>
    credentials.recordUse(rpId, credential.id, {
      previousSignCount: credential.signCount,
      signCount: alarm ? credential.signCount : data.signCount,
      previousBackupState: credential.backupState,
      backupState: data.backupState,
      backupEligible: data.backupEligible,
      cloneAlarm: alarm,
      at: now(),
    }),
  );
  const { userVerified } = data;
  return { userId: used.userId, passkey: passkey(used), userVerified, extensions: "{}" };
}

function find(rpId, id) {
  try {
    return ask(() => credentials.get(rpId, id));
  } catch (error) {
    if (error.code === "not-found") return null;
    throw error;
  }
}

export const authentication = { begin, finish };
