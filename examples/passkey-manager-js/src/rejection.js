// What a ceremony is refused with: a code of the HTTP API and a detail for developers.

export function reject(code, detail, remedy = null) {
  return { code, detail, remedy };
}

/** A passkey that is not stored here: its provider should stop offering it. */
export const absent = () =>
  reject("credential-unknown", "no such passkey", { tag: "signal-unknown-credential" });

/** The store's answers as codes; anything else is a defect and traps. */
const CODES = {
  "not-permitted": "not-permitted",
  "not-found": "not-found",
  exists: "credential-exists",
  expired: "ceremony-expired",
  used: "ceremony-used",
  conflict: "counter-regressed",
  last: "not-permitted",
  locked: "rate-limited",
  malformed: "malformed",
  busy: "busy",
};

/** Call a capability of the host. */
export function ask(call) {
  try {
    return call();
  } catch (error) {
    const answer = error?.payload ?? error;
    if (Object.hasOwn(CODES, answer)) throw reject(CODES[answer], "the host refused a call");
    throw error;
  }
}
