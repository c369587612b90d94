// The frame of the console: the page that the address names, the search, the language, the API key.
// An address is "#/orders/1?…", so that the browser's own ways back and forth work.
import { storedKey, storeKey } from "./api.js";
import { announce, ask, faultOf, field, link, make } from "./dom.js";
import { notification, notifications } from "./notifications.js";
import { order, orderEntries, orders } from "./orders.js";
import { overview } from "./overview.js";
import { search } from "./search.js";
import { currentLanguage, switchLanguage, t } from "./text.js";
import { user, userEntries, users } from "./users.js";
import { webhooks } from "./webhooks.js";

// A part of a path that is "*" is the id of the page.
const pages = [
  ["overview", overview],
  ["orders", orders],
  ["orders/*", order],
  ["orders/*/entries", orderEntries],
  ["users", users],
  ["users/*", user],
  ["users/*/entries", userEntries],
  ["notifications", notifications],
  ["notifications/*", notification],
  ["webhooks", webhooks],
  ["search", search],
];
const navigation = [
  ["#/overview", "nav.overview"],
  ["#/orders", "nav.orders"],
  ["#/notifications?status=FAILED", "nav.failed"],
  ["#/users", "nav.users"],
  ["#/webhooks", "nav.webhooks"],
];

const main = document.getElementById("main");
let showing = new AbortController();

/** The page of an address, its id and its query; null where there is none. */
function pageAt(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  let parts;
  try {
    parts = (path || "overview").split("/").map(decodeURIComponent);
  } catch {
    return null;
  }
  for (const [pattern, show] of pages) {
    const wanted = pattern.split("/");
    if (wanted.length !== parts.length || wanted.some((part, at) => part !== "*" && part !== parts[at])) continue;
    return { show, id: parts[wanted.indexOf("*")], params: new URLSearchParams(query) };
  }
  return null;
}

function drawFrame() {
  document.documentElement.lang = currentLanguage();
  document.getElementById("skip").textContent = t("skip");
  const nav = document.getElementById("nav");
  nav.setAttribute("aria-label", t("nav"));
  const here = (location.hash || "#/overview").split(/[/?]/)[1];
  nav.replaceChildren(make("ul", {}, navigation.map(([to, name]) => {
    const one = link(to, t(name));
    if (to.split(/[/?]/)[1] === here) one.setAttribute("aria-current", "page");
    return make("li", {}, one);
  })));
  document.getElementById("query-label").textContent = t("search.hint");
  document.getElementById("query-button").textContent = t("search");
  const language = document.getElementById("language");
  language.textContent = t("language");
  language.lang = currentLanguage() === "ko" ? "en" : "ko";
  language.setAttribute("aria-label", t("language.label"));
  document.getElementById("key").textContent = t("key.open");
}

function put(title, content, focuses) {
  document.title = `${title} · paymentd`;
  const head = make("h1", { tabindex: -1 }, title);
  main.replaceChildren(head, ...content.flat(3).filter(Boolean));
  if (focuses) {
    head.focus();
    scrollTo(0, 0);
  }
}

/** Shows the page of the address. `focuses`: its title gets the focus, for those who hear the page. */
async function show(focuses) {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  drawFrame();
  const page = pageAt(location.hash);
  if (!page) return put(t("page.missing"), [link("#/overview", t("nav.overview"))], focuses);
  main.setAttribute("aria-busy", "true");
  try {
    const shown = await page.show({ ...page, signal });
    if (signal.aborted) return;
    if (shown.instead) return location.replace(shown.instead);
    put(shown.title, shown.content, focuses);
  } catch (error) {
    if (signal.aborted) return;
    const again = make("button", { onclick: () => show(true) }, t("again"));
    put(t("fault"), [make("p", { role: "alert", class: "bad" }, faultOf(error)), make("p", { class: "actions" }, again)], focuses);
    if (error.status === 401 || error.missingScope) openKey();
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
}

async function openKey() {
  if (document.querySelector("dialog[open]")) return;
  const attributes = { type: "password", required: true, autocomplete: "off", spellcheck: "false", pattern: "\\s*pmd_[A-Za-z0-9]{1,200}\\s*", title: t("key.bad") };
  const forget = make("button", { type: "button" }, t("key.forget"));
  forget.onclick = () => {
    storeKey("");
    forget.closest("dialog").close();
    announce(t("key.forgotten"));
    show(false);
  };
  const given = await ask(t("key.title"), [
    make("p", {}, t("key.help")), make("p", { class: "code" }, t("key.make")), make("p", { class: "muted" }, t("key.beyond")),
    field(t("key.title"), "key", "", attributes), storedKey() ? make("p", {}, forget) : "",
  ], t("key.use"), (form) => form.get("key").trim());
  if (!given) return;
  storeKey(given);
  show(true);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = document.getElementById("query").value.trim();
  if (text) location.hash = `#/search?${new URLSearchParams({ q: text })}`;
});
document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  show(false);
});
document.getElementById("key").addEventListener("click", openKey);
addEventListener("hashchange", () => show(true));
show(false);
