// The page: three views, one message line, and what the buttons do.
//
// The browser tests hold on to these; keep them:
//   views    #sign-in-view, #create-view, #home-view (the two others are hidden)
//   sign in  #name, #sign-in, #show-create
//   create   #new-name, #new-display-name, #create, #show-sign-in
//   home     #who, #sign-out, #add, #passkeys li[data-id][data-status], and in a row
//            [data-field=label], .badge[data-badge=synced|syncable|device-bound|suspended|current],
//            button[data-action=rename|suspend|resume|revoke|save|cancel], input[name=label]
//   dialog   #confirm, #confirm-yes, #confirm-no (before every revoke, and before
//            suspending the passkey that signed in or the last active one)
//   message  #message[data-kind=info|ok|error][data-code]; main[aria-busy=true] while at work
//   A virtual authenticator of WebDriver picks a passkey for the autofill at once, without
//   a person. A test of the buttons sets PublicKeyCredential.isConditionalMediationAvailable
//   to `async () => false` first, which counts from the next time the sign-in view is shown.

import { Failure, request } from "./api.js";
import * as ceremony from "./ceremony.js";
import * as rows from "./passkeys.js";
import { explain } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const main = $("main");
const message = $("#message");

/** The person who is signed in, as /api/me says, and their passkeys. */
let person = null;
let passkeys = [];

/** The relying party id, as the last options named it; until then, our host. */
let rpId = location.hostname;

// --- Messages, views, and one task at a time ---

function say(text, kind = "info", code = "") {
  message.dataset.kind = kind;
  message.dataset.code = code;
  message.textContent = text;
}

/** Shows one view. Focus goes to its heading, so that a screen reader reads where one is. */
function show(view, focus = $(`#${view}-view h1`)) {
  for (const section of main.querySelectorAll("section")) section.hidden = section.id !== `${view}-view`;
  document.title = `${$(`#${view}-view h1`).textContent} · zeropass demo`;
  focus.focus();
  if (view === "sign-in") autofill.start();
  else autofill.stop();
}

/** Runs a task unless another one runs, and explains what goes wrong. */
async function run(task, action) {
  if (main.ariaBusy === "true") return;
  main.ariaBusy = "true";
  for (const input of main.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  // The browser allows one ceremony at a time.
  await autofill.stop();
  try {
    await action();
  } catch (error) {
    if (error.code === "signed-out" && person !== null) leave();
    say(explain(error, task), "error", error instanceof Failure ? error.code : error.name);
    if (!(error instanceof Failure) && !(error instanceof DOMException)) console.error(error);
  } finally {
    main.ariaBusy = "false";
    if (!$("#sign-in-view").hidden) autofill.start();
  }
}

function refuseEmpty(input, text) {
  if (input.value.trim() !== "") return false;
  input.setAttribute("aria-invalid", "true");
  input.focus();
  say(text, "error", "empty");
  return true;
}

// --- Ceremonies ---

/** Makes a passkey through the backend's `path`/start and `path`/finish. */
async function register(path, body) {
  const { ceremony: id, publicKey } = await request("POST", `${path}/start`, body);
  rpId = publicKey.rp.id ?? rpId;
  say("Follow your browser to make the passkey.");
  const credential = await ceremony.create(publicKey);
  try {
    return await request("POST", `${path}/finish`, { ceremony: id, credential });
  } catch (error) {
    // The device keeps a passkey now that the site has refused: let the device know.
    // Without an answer we can't tell, and a good passkey must not be hidden.
    if (!["network", "unreachable", "unexpected", "busy", "signed-out"].includes(error.code)) {
      ceremony.signalUnknown(rpId, credential.id);
    }
    throw error;
  }
}

/** Gives the browser's answer to the backend, which sets the session cookie. */
async function finishSignIn(id, credential) {
  try {
    const { passkey } = await request("POST", "/api/sign-in/finish", { ceremony: id, credential });
    sessionStorage.setItem("current-passkey", passkey.id);
  } catch (error) {
    // Not at every unknown passkey: one that is not of this account may be a good one.
    if (error.signal) ceremony.signal(error.signal);
    throw error;
  }
  await enter();
  say("You are signed in.", "ok");
}

async function signIn(name) {
  const { ceremony: id, publicKey } = await request("POST", "/api/sign-in/start", name ? { name } : {});
  rpId = publicKey.rpId ?? rpId;
  say("Follow your browser to use your passkey.");
  await finishSignIn(id, await ceremony.get(publicKey));
}

/**
 * Passkeys in the autofill of the name field (conditional mediation): a sign-in
 * waits in the background until a passkey is picked there. It is begun anew
 * before its ceremony expires, but not while the page is hidden.
 */
const autofill = {
  controller: null,
  settled: Promise.resolve(),

  start() {
    if (this.controller || document.hidden || main.ariaBusy === "true") return;
    const controller = (this.controller = new AbortController());
    this.settled = this.offer(controller).finally(() => {
      if (this.controller === controller) this.controller = null;
    });
  },

  /** Resolves when the browser is ready for another ceremony. */
  stop() {
    this.controller?.abort();
    this.controller = null;
    return this.settled;
  },

  async offer({ signal }) {
    let timer;
    try {
      if (!(await ceremony.canAutofill())) return;
      const { ceremony: id, publicKey } = await request("POST", "/api/sign-in/start", {}, signal);
      rpId = publicKey.rpId ?? rpId;
      timer = setTimeout(() => this.stop().then(() => signInIsOpen() && this.start()), 0.8 * (publicKey.timeout ?? 300_000));
      const credential = await ceremony.get(publicKey, { signal, autofill: true });
      // Not awaited: `run` waits for this very offer to settle.
      run("signIn", () => finishSignIn(id, credential));
    } catch {
      // Nobody asked for it, so nobody is told; the button says what is wrong.
    } finally {
      clearTimeout(timer);
    }
  },
};

const signInIsOpen = () => !$("#sign-in-view").hidden;

// --- Signed in and out ---

async function enter() {
  person = await request("GET", "/api/me");
  await refresh();
  $("#who").textContent = person.name;
  show("home");
}

function leave() {
  person = null;
  passkeys = [];
  rows.show([]);
  sessionStorage.removeItem("current-passkey");
  show("sign-in");
}

const current = () => sessionStorage.getItem("current-passkey");

async function refresh() {
  ({ passkeys } = await request("GET", "/api/passkeys"));
  rows.show(passkeys, current());
  // Best effort: the list is shown whether or not the provider hears of it.
  request("GET", "/api/signals").then(ceremony.signal).catch(() => {});
}

/** Asks before what can't be undone. Escape and a closed dialog mean no. */
function confirmed(title, text, yes) {
  const dialog = $("#confirm");
  $("#confirm-title").textContent = title;
  $("#confirm-text").textContent = text;
  $("#confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// --- What can be done with a passkey ---

const path = (passkey) => `/api/passkeys/${encodeURIComponent(passkey.id)}`;
/** Two passkeys of one name could not be told apart: the second is "Passkey 2". */
function unusedLabel(label) {
  const used = new Set(passkeys.map((passkey) => passkey.label));
  for (let number = 2, candidate = label; ; number++) {
    if (!used.has(candidate)) return candidate;
    candidate = `${label} ${number}`;
  }
}

const isLastActive = (passkey) =>
  passkeys.every((other) => other.id === passkey.id || other.status === "suspended");

const actions = {
  rename: (passkey, item) => rows.edit(item, true),
  cancel: (passkey, item) => rows.edit(item, false),

  async save(passkey, item) {
    const input = item.querySelector("[name=label]");
    if (refuseEmpty(input, "A passkey needs a name.")) return;
    await request("PATCH", path(passkey), { label: input.value.trim() });
    await refresh();
    rows.find(passkey.id)?.querySelector("[data-action=rename]").focus();
    say("Renamed.", "ok");
  },

  async suspend(passkey) {
    if (isLastActive(passkey)) {
      const text = "It is your only active passkey. Once it is suspended you are signed out, and nothing is left to sign in with and resume it.";
      if (!(await confirmed(`Suspend ${passkey.label}?`, text, "Suspend"))) return;
    } else if (passkey.id === current()) {
      const text = "You signed in with this passkey, so you are signed out. Sign in with another one to resume it.";
      if (!(await confirmed(`Suspend ${passkey.label}?`, text, "Suspend"))) return;
    }
    await request("PATCH", path(passkey), { status: "suspended" });
    await after(passkey, `${passkey.label} is suspended. It can't sign in until you resume it.`);
    rows.find(passkey.id)?.querySelector("[data-action=resume]").focus();
  },

  async resume(passkey) {
    await request("PATCH", path(passkey), { status: "active" });
    await after(passkey, `${passkey.label} can sign in again.`);
    rows.find(passkey.id)?.querySelector("[data-action=suspend]").focus();
  },

  async revoke(passkey) {
    const text =
      "This can't be undone." +
      (isLastActive(passkey) ? " It is your last active passkey: without it you can't sign in to this account again." : "") +
      (passkey.id === current() ? " You signed in with it, so you are signed out." : "");
    if (!(await confirmed(`Revoke ${passkey.label}?`, text, "Revoke"))) return;
    await request("DELETE", path(passkey));
    // Without waiting for the next list: this may have ended our session.
    ceremony.signalUnknown(rpId, passkey.id);
    await after(passkey, `${passkey.label} is revoked.`);
    if (person) $("#home-title").focus();
  },
};

/** After a change. One to the passkey that signed in may have ended the session. */
async function after(passkey, done) {
  try {
    await refresh();
  } catch (error) {
    if (error.code !== "signed-out") throw error;
    leave();
    done = `${done} You are signed out.`;
  }
  say(done, "ok");
}

// --- Buttons and forms ---

$("#sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  run("signIn", () => signIn($("#name").value.trim()));
});

$("#create-form").addEventListener("submit", (event) => {
  event.preventDefault();
  run("register", async () => {
    const input = $("#new-name");
    if (refuseEmpty(input, "Choose a name for your account.")) return;
    const name = input.value.trim();
    try {
      await register("/api/register", { name, displayName: $("#new-display-name").value.trim() || name });
    } catch (error) {
      if (error.code === "not-permitted") {
        input.setAttribute("aria-invalid", "true");
        input.focus();
      }
      throw error;
    }
    $("#create-form").reset();
    try {
      await signIn(name);
      say("Your account is ready, and you are signed in.", "ok");
    } catch {
      // Some browsers want a fresh click for each use of a passkey.
      $("#name").value = name;
      show("sign-in", $("#sign-in"));
      say("Your account is ready. Sign in with your new passkey.", "ok");
    }
  });
});

$("#show-create").addEventListener("click", () => {
  say("");
  $("#new-name").value = $("#name").value;
  show("create", $("#new-name"));
});

$("#show-sign-in").addEventListener("click", () => {
  say("");
  show("sign-in", $("#name"));
});

$("#add").addEventListener("click", () =>
  run("add", async () => {
    const { passkey } = await register("/api/passkeys", {});
    const label = unusedLabel(passkey.label);
    if (label !== passkey.label) {
      // The passkey is there whether or not this works.
      await request("PATCH", path(passkey), { label }).catch(() => {});
      passkey.label = label;
    }
    await refresh();
    rows.find(passkey.id)?.querySelector("[data-action=rename]").focus();
    say(`${passkey.label} is added. You can give it a name of your own.`, "ok");
  }),
);

$("#sign-out").addEventListener("click", () =>
  run("signOut", async () => {
    await request("POST", "/api/sign-out", {});
    leave();
    say("You are signed out.", "ok");
  }),
);

$("#passkeys").addEventListener("click", ({ target }) => {
  const button = target.closest("button[type=button]");
  if (button) act(button.dataset.action, button);
});
$("#passkeys").addEventListener("submit", (event) => {
  event.preventDefault();
  act("save", event.target);
});
$("#passkeys").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.name === "label") act("cancel", event.target);
});

function act(action, element) {
  const item = element.closest("li");
  const passkey = passkeys.find((one) => one.id === item.dataset.id);
  run(action === "save" ? "rename" : action, () => actions[action](passkey, item));
}

document.addEventListener("visibilitychange", () => {
  // Not stopped when hidden: a passkey provider's own window may be what hides the page.
  if (!document.hidden && signInIsOpen()) autofill.start();
});

// --- Start ---

if (!ceremony.supported()) {
  show("sign-in");
  for (const button of main.querySelectorAll("button")) button.disabled = true;
  say(
    window.isSecureContext
      ? "This browser can't use passkeys. Please use a newer one."
      : "Browsers offer passkeys on https and on localhost only. Open the site at its right address.",
    "error",
    "unsupported",
  );
} else {
  try {
    await enter();
  } catch (error) {
    show("sign-in", $("#name"));
    if (error.code !== "signed-out") say(explain(error, "start"), "error", error.code ?? error.name);
  }
}
