// Requests to our own backend. The browser never talks to zeropass.

/** A refused or failed request, with a stable code (see words.js). */
export class Failure extends Error {
  constructor(code, signal) {
    super(code);
    this.name = "Failure";
    this.code = code;
    /** What to tell the passkey's provider, if anything. */
    this.signal = signal;
  }
}

/**
 * Sends JSON and returns JSON, or null when there is nothing to return.
 * @param {AbortSignal=} signal gives it up
 * @throws {Failure}
 */
export async function request(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method,
      // The backend takes nothing but JSON, so that no foreign form can reach it.
      headers: method === "GET" ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal,
    });
  } catch {
    throw new Failure("network");
  }
  const text = await response.text().catch(() => "");
  let answer = null;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Failure("unexpected");
  }
  if (!response.ok) throw new Failure(answer?.code ?? "unexpected", answer?.signal);
  return answer;
}
