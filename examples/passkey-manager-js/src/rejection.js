// What a ceremony is refused with: a code of the HTTP API and a detail for developers.

export function reject(code, detail) {
  return { code, detail };
}

/** The store's answers as codes; anything else is a defect and traps. */
const CODES = {
  "not-permitted": "not-permitted",
  "not-found": "not-found",
  exists: "credential-exists",
  expired: "ceremony-expired",
  used: "ceremony-used",
  conflict: "counter-regressed",
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
