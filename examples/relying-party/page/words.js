// Plain words for everything that can go wrong, by code. The codes are those
// of zeropass, of our backend, and the names of the browser's own errors.

const tryAgain = "Please try again.";

const words = {
  // The browser and the authenticator (WebAuthn L3 sections 5.1.3, 5.1.4).
  NotAllowedError: "It was cancelled, took too long, or there was no matching passkey. " + tryAgain,
  AbortError: "It was cancelled. " + tryAgain,
  InvalidStateError: "This device already has a passkey for this account.",
  NotSupportedError: "This device can't make the kind of passkey that this site accepts.",
  ConstraintError: "This device can't unlock a passkey. Set up a screen lock, or use another device.",
  SecurityError: "The browser refuses passkeys at this address. Check that the address is the right one.",

  // Our backend.
  network: "No connection to this site. Check your network, and try again.",
  unreachable: "The sign-in service can't be reached at the moment. Please try again shortly.",
  unexpected: "The sign-in service gave an answer we did not understand. Please try again later.",
  "cross-origin": "This page is open at another address than the site expects. Open the site anew.",
  "signed-out": "You have been signed out. Please sign in again.",

  // zeropass.
  malformed: "The site did not accept what was entered. Check it, and try again.",
  "too-large": "That was more than the site accepts.",
  "not-permitted": "This is not allowed, or needs a sign-in that is more recent. Sign out, sign in, and try again.",
  "not-found": "That does not exist any more.",
  "ceremony-expired": "That took too long. " + tryAgain,
  "ceremony-used": "This attempt was already completed. Please start again.",
  "origin-mismatch": "The passkey was used at another address than this site's. Check the address.",
  "rp-id-mismatch": "The passkey belongs to another site.",
  "challenge-mismatch": "The passkey answered another question than ours. " + tryAgain,
  "user-presence-missing": "The passkey was used without your touch. " + tryAgain,
  "user-verification-missing": "Your device did not check that it is you. Unlock with fingerprint, face or PIN.",
  "signature-invalid": "The passkey's answer could not be verified. " + tryAgain,
  "counter-regressed": "This passkey seems to have been copied. Sign in with another one, and revoke this one.",
  "credential-unknown": "This site does not know that passkey. It may have been revoked. Sign in with another one.",
  "credential-suspended": "This passkey is suspended. Sign in with another one, or resume it.",
  "credential-exists": "This passkey is already registered.",
  "user-handle-mismatch": "That passkey belongs to another account.",
  "algorithm-not-allowed": "This device makes a kind of passkey that this site does not accept.",
  "attestation-invalid": "What your device says about itself could not be verified.",
  "attestation-untrusted": "This site does not accept passkeys from this kind of device.",
  "rate-limited": "Too many attempts. Wait a while, then try again.",
  busy: "The sign-in service is busy. Try again in a moment.",
};

const special = {
  register: {
    NotAllowedError: "No passkey was made: it was cancelled or took too long. " + tryAgain,
    "not-permitted": "That name is taken. Choose another one, or sign in if it is yours.",
    malformed: "The site did not accept that name. Use 1 to 64 characters.",
    "not-found": "That took too long. " + tryAgain,
  },
  signIn: {
    "not-found": "That took too long. " + tryAgain,
  },
  add: {
    NotAllowedError: "No passkey was added: it was cancelled or took too long. " + tryAgain,
    "not-found": "That took too long. " + tryAgain,
  },
  rename: {
    malformed: "A name has 1 to 64 characters.",
  },
};

/**
 * What to tell a person about an error.
 * @param {{code?: string, name?: string}} error from the backend or the browser
 * @param {string} task what was being done: register, signIn, add, rename, ...
 */
export function explain(error, task) {
  const key = error.code && typeof error.code === "string" ? error.code : error.name;
  for (const book of [special[task] ?? {}, words]) {
    if (Object.hasOwn(book, key)) return book[key];
  }
  return "Something went wrong. " + tryAgain;
}
