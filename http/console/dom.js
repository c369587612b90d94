// Elements, and the forms in which times, sums and states are shown. Every text is put in as text:
// no text becomes HTML, wherever it came from.
import { locale, t } from "./text.js";

/**
 * An element with attributes and children. A function is a listener (`onclick`); null, undefined and
 * false leave an attribute or a child out. Children are nodes or texts.
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function link(to, text) {
  return make("a", { href: to }, text);
}

/** A link to a page of the console by parts of its path, each of them any text. */
export function pageOf(...parts) {
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}

export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => { status.textContent = ""; }, 8000);
}

/**
 * Makes `old` as `fresh` is, in place where both are built alike: so the focus, a selection and a
 * reader of screens stay where they are. Neither has listeners.
 */
export function renew(old, fresh) {
  const parts = [...fresh.childNodes];
  if (old.nodeName !== fresh.nodeName || old.childNodes.length !== parts.length) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  [...old.childNodes].forEach((part, at) => renew(part, parts[at]));
}

// ---- forms of values ----------------------------------------------------------------------------

export function none() {
  return make("span", { class: "muted" }, "–");
}

/** A time in this browser's zone; its title is in UTC, as the API gives it. */
export function time(text) {
  if (!text) return none();
  const shown = new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));
  return make("time", { datetime: text, title: text }, shown);
}

export function won(amount) {
  return new Intl.NumberFormat(locale(), { style: "currency", currency: "KRW" }).format(amount);
}

export function count(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** "3 min 20 s": the two largest units. */
export function duration(seconds) {
  let left = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (left >= size) parts.push(`${Math.floor(left / size)} ${t(`unit.${unit}`)}`);
    left %= size;
  }
  return parts.slice(0, 2).join(" ") || `0 ${t("unit.s")}`;
}

const tones = {
  PAID: "good", DELIVERED: "good", running: "good", ok: "good", clean: "good", on: "good",
  PENDING: "warn", backing_off: "warn", starting: "warn", paused: "warn",
  FAILED: "bad", degraded: "bad", unavailable: "bad",
};

/** A state in the API's word, with this language's where it has one. */
export function badge(state) {
  const said = t(`state.${state}`, {}, state);
  return make("span", { class: `badge ${tones[state] ?? ""}` }, said);
}

// ---- larger parts -------------------------------------------------------------------------------

/**
 * `columns`: {label, cell(row), number?}. On a narrow page each row is a card. The caption is for those
 * who hear the page, unless it is `captionShown`: the others have a title above.
 */
export function table(caption, columns, rows, captionShown = false) {
  if (rows.length === 0) return make("p", { class: "muted" }, t("none.here"));
  const head = make("tr", {}, columns.map(({ label, number }) =>
    make("th", { scope: "col", class: number && "number" }, label)));
  const body = rows.map((row) => make("tr", {}, columns.map(({ label, cell, number }) =>
    make("td", { "data-label": label, class: number && "number" }, cell(row) ?? none()))));
  return make("div", { class: "scroll" }, make("table", {},
    make("caption", { class: !captionShown && "hidden" }, caption), make("thead", {}, head), make("tbody", {}, body)));
}

/** `pairs`: [name, value]. Those without a value are left out. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => value !== null && value !== "");
  return make("dl", { class: "facts" }, there.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

export function metadataOf(thing) {
  const members = Object.entries(thing.metadata ?? {});
  return members.length === 0 ? null : [make("h2", {}, t("metadata")), facts(members)];
}

/** The way to the page after this one; the browser's own way leads back. */
export function nextPage(page, here, params) {
  if (!page.hasMore) return null;
  const next = new URLSearchParams(params);
  next.set("cursor", page.nextCursor);
  return make("p", { class: "actions" }, link(`${here}?${next}`, t("next.page")));
}

/** A labelled field of a form. `options`: [value, text]. */
export function field(label, name, value, attributes = {}, options = null) {
  const control = options
    ? make("select", { name, ...attributes }, options.map(([key, text]) =>
        make("option", { value: key, selected: key === (value ?? "") }, text)))
    : make("input", { name, value: value ?? "", ...attributes });
  return make("label", {}, label, control);
}

/** The value of a field for a time, "2026-11-29T12:30", for an instant; and back, in UTC. */
export function localTime(iso) {
  if (!iso) return "";
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
export function utcTime(local) {
  return local ? new Date(local).toISOString() : "";
}

/** A form that leads to `here` with the fields that have a value as its query. */
export function filterForm(here, fields, times = []) {
  return make("form", {
    class: "filter",
    onsubmit: (event) => {
      event.preventDefault();
      const query = new URLSearchParams();
      for (const [name, value] of new FormData(event.target))
        if (value.trim()) query.set(name, times.includes(name) ? utcTime(value) : value.trim());
      location.hash = `${here}?${query}`;
    },
  }, fields, make("button", { class: "primary" }, t("show")));
}

/** A dialog with a question. Gives what `read` gives of its form; null where it was left. */
export function ask(title, contents, actionText, read = () => true) {
  return new Promise((answer) => {
    let given = null;
    const before = document.activeElement;
    const leave = make("button", { type: "button", onclick: () => dialog.close() }, t("cancel"));
    const dialog = make("dialog", {
      "aria-labelledby": "dialog-title",
      onclose: () => {
        dialog.remove();
        if (before?.isConnected) before.focus();
        answer(given);
      },
    }, make("form", {
      onsubmit: (event) => {
        event.preventDefault();
        given = read(new FormData(event.target));
        dialog.close();
      },
    }, make("h2", { id: "dialog-title" }, title), contents, make("p", { class: "actions" },
      make("button", { class: "primary" }, actionText), leave)));
    document.body.append(dialog);
    dialog.showModal();
    // A question alone is not answered by an Enter too many.
    (dialog.querySelector("input") ?? leave).focus();
  });
}

/** Text for a failure: the server's words, and what to do where that is known. */
export function faultOf(problem) {
  const known = problem.status === 0 ? t("fault.unreachable") : problem.status === 401 ? t("fault.key")
    : problem.missingScope ? t("fault.scope", { scope: problem.missingScope })
    : problem.status === 504 ? t("fault.unknown")
    : problem.code ? t(`fault.${problem.code}`, {}, "") : "";
  const fields = (problem.fields ?? []).map(({ field: name, message }) => `${name}: ${message}`);
  return [known, problem.message, ...fields].filter(Boolean).join(" – ");
}

/** Runs the work of a button, once at a time, and tells a failure. The button keeps the focus. */
export async function during(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return null;
  button.setAttribute("aria-disabled", "true");
  try {
    return await work();
  } catch (error) {
    announce(faultOf(error));
    return null;
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
