// The list of passkeys: what a row shows, and its inline renaming.

const list = document.querySelector("#passkeys");
const template = document.querySelector("#passkey");
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });
const units = [["year", 31_557_600], ["month", 2_629_800], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

/**
 * Shows the passkeys, oldest first as they come.
 * @param {object[]} passkeys as zeropass describes them
 * @param {string?} current the id of the one that signed in, if known
 */
export function show(passkeys, current) {
  list.replaceChildren(...passkeys.map((passkey) => row(passkey, passkey.id === current)));
}

/** The row of a passkey. */
export const find = (id) => list.querySelector(`li[data-id="${CSS.escape(id)}"]`);

/** Opens or closes the inline editor of a row, and moves the focus with it. */
export function edit(item, open) {
  item.querySelector(".view").hidden = open;
  const form = item.querySelector("form");
  form.hidden = !open;
  if (open) {
    form.elements.label.value = item.querySelector("[data-field=label]").textContent;
    form.elements.label.select();
    form.elements.label.focus();
  } else {
    item.querySelector("[data-action=rename]").focus();
  }
}

function row(passkey, current) {
  const item = template.content.firstElementChild.cloneNode(true);
  const field = (name) => item.querySelector(`[data-field=${name}]`);
  const suspended = passkey.status === "suspended";

  item.dataset.id = passkey.id;
  item.dataset.status = passkey.status;
  field("label").textContent = passkey.label;
  field("created").append(time(passkey.createdAt));
  field("used").append(passkey.lastUsedAt ? time(passkey.lastUsedAt) : "never");
  if (passkey.provider) field("provider").textContent = passkey.provider;
  else field("provider").parentElement.remove();

  const badges = item.querySelector(".badges");
  badges.append(badge(...backup(passkey)));
  if (suspended) badges.append(badge("suspended", "Suspended", "It can't sign in until it is resumed."));
  if (current) badges.append(badge("current", "Signed in with this", "The passkey of this session."));

  item.querySelector(suspended ? "[data-action=suspend]" : "[data-action=resume]").remove();
  for (const button of item.querySelectorAll(".view button")) {
    // Read out alone, "Rename" would not say what is renamed.
    button.setAttribute("aria-label", `${button.textContent} ${passkey.label}`);
  }
  return item;
}

/** WebAuthn L3 section 6.1.3: what the backup flags say, in words. */
function backup({ backupEligible, backupState }) {
  if (backupState) return ["synced", "Synced", "Kept by your provider on several devices."];
  if (backupEligible) return ["syncable", "Not synced yet", "It could be kept on several devices, but is not so far."];
  return ["device-bound", "Device-bound", "It never leaves the device it was made on."];
}

function badge(kind, words, title) {
  const span = document.createElement("span");
  span.className = "badge";
  span.dataset.badge = kind;
  span.title = title;
  span.textContent = words;
  return span;
}

function time(rfc3339) {
  const element = document.createElement("time");
  const date = new Date(rfc3339);
  element.dateTime = rfc3339;
  element.title = absolute.format(date);
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? [];
  element.textContent = unit ? relative.format(Math.trunc(seconds / size), unit) : "just now";
  return element;
}
