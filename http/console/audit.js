// The part of the overview that shows the last audit: when it was, and what it found.
import { badge, count, duration, facts, make, time } from "./dom.js";
import { t } from "./text.js";

/** "4 min ago", with the time of day; clocks that differ make no future of it. */
function when(iso, nowMs) {
  const seconds = Math.max(0, (nowMs - Date.parse(iso)) / 1000);
  return [t("audit.ago", { time: duration(seconds) }), " (", time(iso), ")"];
}

function tookOf(audit) {
  return audit.tookMs < 1000 ? `${count(audit.tookMs)} ms` : duration(audit.tookMs / 1000);
}

/**
 * The audits as the server knows them, {last, lastClean}; null where they are not known, and then
 * `why` tells the reason.
 */
export function auditPart(audits, nowMs, why = "") {
  const how = make("p", { class: "muted" }, t("audit.how"));
  if (!audits) return make("div", {}, make("p", { class: "muted" }, why), how);
  const { last, lastClean } = audits;
  if (!last) return make("div", {}, make("p", {}, t("audit.never")), how);
  const clean = last.breaches === 0;
  const found = clean ? badge("clean") : make("span", { class: "badge bad" }, t("audit.breaches", { count: count(last.breaches) }));
  const rest = last.breaches - last.firstBreaches.length;
  return make("div", {},
    facts([
      [t("audit.found"), found],
      [t("audit.when"), make("span", {}, when(last.beganAt, nowMs))],
      [t("audit.took"), tookOf(last)],
      [t("audit.looked"), t("audit.looked.at", { entries: count(last.entries), orders: count(last.orders) })],
      [t("audit.version"), last.version],
      [t("audit.clean"), clean ? null : lastClean ? make("span", {}, when(lastClean.beganAt, nowMs)) : t("audit.clean.never")],
    ]),
    last.firstBreaches.length > 0 && make("ul", { class: "code" }, last.firstBreaches.map((text) => make("li", {}, text))),
    last.firstBreaches.length > 0 && rest > 0 && make("p", { class: "muted" }, t("audit.more", { count: count(rest) })),
    how);
}
