// The overview: figures of the server, read again every three seconds while the page is seen.
import { call, readMetrics, readReadiness } from "./api.js";
import { auditPart } from "./audit.js";
import { badge, count, duration, faultOf, link, make, none, renew, table } from "./dom.js";
import { figuresOf, quantile, rate } from "./metrics.js";
import { locale, t } from "./text.js";

const everyMs = 3000;
const rateMs = 10_000; // over so long rates are taken
const tailMs = 60_000; // and the slowest payments
const shownMs = 180_000; // of the chart
const svgNamespace = "http://www.w3.org/2000/svg";

function tile(name, value, small = false) {
  return make("div", {}, make("dt", {}, name), make("dd", { class: small && "small" }, value ?? none()));
}

/** The newest reading that is at least so old, or else the oldest one. */
function readingBefore(readings, ageMs) {
  const now = readings.at(-1).atMs;
  return readings.findLast((each) => now - each.atMs >= ageMs) ?? readings[0];
}

function rateOver(readings, counter, ageMs = rateMs) {
  return rate(readingBefore(readings, ageMs), readings.at(-1), counter);
}

function shownTime(seconds) {
  return seconds === null ? none() : `${count(seconds * 1000, seconds < 0.1 ? 1 : 0)} ms`;
}

function shownBytes(bytes) {
  return `${count(bytes / 2 ** 30, 1)} GiB`;
}

function tiles(readings, ready) {
  const now = readings.at(-1);
  const tail = readingBefore(readings, tailMs);
  const slowest = tail.startedAt === now.startedAt ? quantile(tail.payBuckets, now.payBuckets, 0.99) : null;
  const faults = rateOver(readings, "faults", tailMs);
  const shownRate = (counter) => {
    const value = rateOver(readings, counter);
    return value === null ? none() : count(value, value < 10 ? 1 : 0);
  };
  const up = { version: now.version, time: duration(Math.max(0, now.atMs / 1000 - now.startedAt)) };
  return make("dl", { class: "tiles" },
    tile(t("overview.payments"), shownRate("payments")),
    tile(t("overview.p99"), shownTime(slowest)),
    tile(t("overview.commands"), shownRate("commands")),
    tile(t("overview.faults"), faults === null ? none() : count(faults * 60, 1)),
    tile(t("overview.backlog"), count(now.subscribers.reduce((all, each) => all + each.backlog, 0))),
    tile(t("overview.settlement"), ready.settlement ? badge(ready.settlement) : none()),
    tile(t("overview.reads"), ready.reads ? badge(ready.reads) : none()),
    now.webhooksPaused === null ? null : tile(t("overview.paused"), count(now.webhooksPaused)),
    now.diskSizeBytes ? tile(t("overview.disk"), `${shownBytes(now.diskFreeBytes)} (${count((100 * now.diskFreeBytes) / now.diskSizeBytes)} %)`, true) : null,
    tile(t("overview.process"), t("overview.up", up), true));
}

function chart(readings) {
  const rates = readings.slice(1).map((each, at) => rate(readings[at], each, "payments") ?? 0);
  if (rates.length < 2) return null;
  const most = Math.max(1, ...rates);
  const step = 300 / (rates.length - 1);
  const points = rates.map((value, at) => `${(at * step).toFixed(1)},${(58 - (56 * value) / most).toFixed(1)}`);
  const drawn = document.createElementNS(svgNamespace, "svg");
  for (const [name, value] of Object.entries({ class: "chart", viewBox: "0 0 300 60", preserveAspectRatio: "none", role: "img", "aria-label": t("overview.chart", { most: count(most, 1) }) }))
    drawn.setAttribute(name, value);
  const line = document.createElementNS(svgNamespace, "polyline");
  line.setAttribute("points", points.join(" "));
  drawn.append(line);
  return drawn;
}

function restartOf(each) {
  if (each.restartSeconds > 0)
    return make("span", {}, t("subscriber.within", { time: duration(each.restartSeconds) }), " ",
      make("span", { class: "muted" }, t("subscriber.row", { count: count(each.failuresInARow) })));
  return each.heldSeconds > 0 ? t("subscriber.held", { time: duration(each.heldSeconds) }) : null;
}

function subscribers(readings) {
  const now = readings.at(-1);
  const before = readingBefore(readings, rateMs);
  const seconds = (now.atMs - before.atMs) / 1000;
  const shownRate = (each) => {
    const earlier = before.subscribers.find(({ name }) => name === each.name);
    if (!earlier || seconds <= 0 || before.startedAt !== now.startedAt) return none();
    return count(Math.max(0, each.delivered - earlier.delivered) / seconds, 1);
  };
  const failedPage = ({ subscriber }) => `#/notifications?${new URLSearchParams({ status: "FAILED", subscriber })}`;
  return table(t("subscribers"), [
    { label: t("subscriber"), cell: (each) => make("span", { class: "code" }, each.name) },
    { label: t("subscriber.state"), cell: (each) => badge(each.state) },
    { label: t("subscriber.restart"), cell: restartOf },
    { label: t("subscriber.backlog"), number: true, cell: (each) => count(each.backlog) },
    { label: t("subscriber.oldest"), number: true, cell: (each) => (each.backlog > 0 ? duration(each.oldestSeconds) : none()) },
    { label: t("subscriber.rate"), number: true, cell: shownRate },
    { label: t("subscriber.failed"), number: true, cell: (each) => link(failedPage(each), count(each.failed)) },
  ], now.subscribers);
}

/**
 * Gives the audits, which are asked for anew only where the figures tell of another one: the call
 * needs a key where the server has keys, and the figures need none.
 */
function auditReader(signal) {
  let known = { audits: null, why: "" };
  let at; // of the figures that it was asked for
  return async (figures) => {
    if (at === figures.auditAt) return known;
    try {
      known = { audits: await call("audit", { signal }), why: "" };
      at = figures.auditAt;
    } catch (error) {
      if (signal.aborted) throw error;
      const needsKey = error.status === 401 || error.status === 403;
      known = { audits: known.audits, why: needsKey ? t("audit.key") : faultOf(error) };
      if (needsKey) at = figures.auditAt; // a key that is given shows this page anew
    }
    return known;
  };
}

export async function overview({ signal }) {
  const readings = [];
  const figures = make("div", {}, make("div"));
  const rows = make("div", {}, make("div"));
  const audit = make("div", {}, make("div"));
  const readAudits = auditReader(signal);
  const lost = make("p", { class: "bad", role: "alert" });

  async function read() {
    try {
      const [text, ready] = await Promise.all([readMetrics(signal), readReadiness(signal)]);
      readings.push(figuresOf(text, Date.now()));
      while (readings.at(-1).atMs - readings[0].atMs > shownMs) readings.shift();
      lost.replaceChildren();
      renew(figures.firstChild, make("div", {}, tiles(readings, ready), chart(readings)));
      renew(rows.firstChild, subscribers(readings));
      const { audits, why } = await readAudits(readings.at(-1));
      renew(audit.firstChild, auditPart(audits, Date.now(), why));
    } catch (error) {
      if (signal.aborted) return;
      const since = new Date(readings.at(-1)?.atMs ?? Date.now());
      if (!lost.hasChildNodes())
        lost.replaceChildren(t("overview.lost", { time: since.toLocaleTimeString(locale()), why: faultOf(error) }));
    }
  }
  async function goOn() {
    if (!document.hidden) await read();
    if (!signal.aborted) setTimeout(goOn, everyMs);
  }
  await read();
  setTimeout(goOn, everyMs);

  return {
    title: t("overview"),
    content: [lost, figures, make("p", { class: "muted" }, t("overview.scope")), make("h2", {}, t("subscribers")), rows,
      make("h2", {}, t("audit")), audit],
  };
}
