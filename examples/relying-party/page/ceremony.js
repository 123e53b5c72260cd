// The browser's half of WebAuthn: options in, credential out, and the signals
// that keep a person's passkey list tidy. All values cross in the JSON forms of
// WebAuthn L3 section 5.1.8; browsers that lack the converters get small ones.

/** Whether this browser can use passkeys here. */
export const supported = () => window.isSecureContext && "PublicKeyCredential" in window;

/** Whether passkeys can be offered in the autofill of the name field. */
export async function canAutofill() {
  return supported() && (await PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
}

/** Make a passkey. @returns RegistrationResponseJSON */
export async function create(optionsJson) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON?.(optionsJson) ?? {
    ...optionsJson,
    challenge: bytes(optionsJson.challenge),
    user: { ...optionsJson.user, id: bytes(optionsJson.user.id) },
    excludeCredentials: descriptors(optionsJson.excludeCredentials),
  };
  return toJson(await navigator.credentials.create({ publicKey }));
}

/**
 * Use a passkey. @returns AuthenticationResponseJSON
 * @param {{signal?: AbortSignal, autofill?: boolean}} how
 */
export async function get(optionsJson, { signal, autofill = false } = {}) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON?.(optionsJson) ?? {
    ...optionsJson,
    challenge: bytes(optionsJson.challenge),
    allowCredentials: descriptors(optionsJson.allowCredentials),
  };
  const mediation = autofill ? "conditional" : "optional";
  return toJson(await navigator.credentials.get({ publicKey, mediation, signal }));
}

/**
 * Tell the passkey provider that the site has no such passkey, so that it stops
 * offering it (WebAuthn L3 section 5.1.10). Best effort: nothing waits for it.
 */
export function signalUnknown(rpId, credentialId) {
  PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId }).catch(() => {});
}

/**
 * Pass on what zeropass has to tell: its members are named as the browser's functions,
 * less "signal". Which passkeys there are (suspended ones too), and what the person
 * is called.
 */
export function signal({ unknownCredential, allAcceptedCredentials, currentUserDetails }) {
  const api = PublicKeyCredential;
  if (unknownCredential) api.signalUnknownCredential?.(unknownCredential).catch(() => {});
  if (allAcceptedCredentials) api.signalAllAcceptedCredentials?.(allAcceptedCredentials).catch(() => {});
  if (currentUserDetails) api.signalCurrentUserDetails?.(currentUserDetails).catch(() => {});
}

/** What prf made stays here: it is a secret of the page, and no server needs it. */
function toJson(credential) {
  const json = allOfIt(credential);
  delete json.clientExtensionResults?.prf?.results;
  return json;
}

function allOfIt(credential) {
  // Some password managers put objects of their own here, without a working toJSON.
  try {
    return credential.toJSON();
  } catch {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(new Uint8Array(credential.response[name]));
    }
    const transports = credential.response.getTransports?.();
    if (transports) response.transports = transports;
    return {
      id: credential.id,
      rawId: text(new Uint8Array(credential.rawId)),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    };
  }
}

const descriptors = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

// base64url without padding (RFC 4648 section 5).
const bytes = (base64url) =>
  Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (array) =>
  btoa(String.fromCharCode(...array)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
