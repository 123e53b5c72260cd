// A passkey-manager in JavaScript: the interfaces that the world exports.

import * as relyingParty from "zeropass:host/relying-party@1.0.0";
import * as credentials from "zeropass:store/credentials@1.0.0";

import { passkey } from "./ceremony.js";
import { ask, reject } from "./rejection.js";

export { authentication } from "./authentication.js";
export { registration } from "./registration.js";

const all = (rpId, userId) => ask(() => credentials.listForUser(rpId, userId));

/** Whether the relying party keeps an account's last active passkey. */
const keepsLast = (rpId) => ask(() => relyingParty.describe(rpId)).lifecycle.keepLastPasskey;

/** The life of a passkey after its registration. */
export const lifecycle = {
  list: (rpId, userId) => all(rpId, userId).map(passkey),
  get(rpId, userId, id) {
    const found = all(rpId, userId).find((one) => one.id.every((byte, at) => byte === id[at]));
    if (found === undefined) throw reject("not-found", "no such passkey");
    return passkey(found);
  },
  rename: (rpId, userId, id, label) =>
    passkey(ask(() => credentials.rename(rpId, userId, id, label.trim()))),
  suspend: (rpId, userId, id) =>
    passkey(ask(() => credentials.setStatus(rpId, userId, id, "suspended", keepsLast(rpId)))),
  resume: (rpId, userId, id) =>
    passkey(ask(() => credentials.setStatus(rpId, userId, id, "active", false))),
  change(rpId, userId, id, { label, status }) {
    const change = { label: label?.trim(), status };
    return passkey(ask(() => credentials.change(rpId, userId, id, change, keepsLast(rpId))));
  },
  revoke(rpId, userId, id) {
    ask(() => credentials.remove(rpId, userId, id, keepsLast(rpId)));
  },
  withdraw(rpId, userId, id) {
    ask(() => credentials.remove(rpId, userId, id, false));
  },
};
