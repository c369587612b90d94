// Messages: the list with retries of many, and one with its tries, the reason of its state, and a
// retry. An order's page shows its messages by the same panel.
import { call, query } from "./api.js";
import { announce, ask, badge, count, during, facts, faultOf, field, filterForm, link, localTime, make, nextPage, none, pageOf, table, time } from "./dom.js";
import { retry, retryAll, runMax } from "./retries.js";
import { t } from "./text.js";

const listed = 20;
// A message that is PENDING is looked at again until it is not, for so long.
const looksEveryMs = 1000;
const looksMax = 30;

/** The name of the text that says why a message is as it is; docs/operation.md has the same table. */
export function reasonOf(message) {
  const last = message.tries?.at(-1);
  if (message.status === "DELIVERED") return message.deliveredAt ? "why.DELIVERED" : "why.DELIVERED.unknown";
  if (message.status === "FAILED") {
    if (!last) return "why.FAILED.untried";
    return ["PERMANENT", "UNDELIVERED"].includes(last.outcome) ? `why.FAILED.${last.outcome}` : "why.FAILED.other";
  }
  if (last && ["OUTAGE", "UNKNOWN", "THROTTLED", "TRANSIENT"].includes(last.outcome)) return `why.PENDING.${last.outcome}`;
  return last || message.nextAttemptAt ? "why.PENDING.due" : "why.PENDING.waiting";
}

const tones = { DELIVERED: "good", PENDING: "warn", FAILED: "bad" };

function tryTable(tries) {
  if (tries.length === 0) return make("p", { class: "muted" }, t("tries.none"));
  return table(t("tries"), [
    { label: t("try.at"), cell: (each) => time(each.at) },
    { label: t("try.took"), number: true, cell: (each) => (each.tookMs ? `${count(each.tookMs)} ms` : none()) },
    { label: t("try.outcome"), cell: (each) => make("span", { class: "code" }, each.outcome) },
    { label: t("try.detail"), cell: (each) => each.detail },
  ], tries, true);
}

function factsOf(message) {
  return facts([
    [t("subscriber"), make("span", { class: "code" }, message.subscriber)],
    [t("attempts"), count(message.attempts)],
    [t("last.error"), message.lastError],
    [t("next.attempt"), message.nextAttemptAt ? time(message.nextAttemptAt) : null],
    [t("delivered.at"), message.deliveredAt ? time(message.deliveredAt) : null],
    [t("channel"), message.channel],
    [t("provider.id"), message.providerMessageId],
    [t("created"), time(message.createdAt)],
    [t("updated"), time(message.updatedAt)],
  ]);
}

/** The state, the reason and the tries of a message, and what becomes of it where it is PENDING. */
export function notificationPanel(message, signal) {
  const panel = make("section", { class: "panel", "aria-label": t("notification", { id: message.id }) });

  async function follow() {
    for (let looks = 0; looks < looksMax && !signal.aborted; ++looks) {
      await new Promise((done) => setTimeout(done, looksEveryMs));
      if (document.hidden) continue;
      const now = await call(`notifications/${encodeURIComponent(message.id)}`, { signal }).catch(() => null);
      if (!now) continue;
      draw(now);
      if (now.status !== "PENDING") return announce(`${now.id}: ${t(`state.${now.status}`)}`);
    }
  }
  /** Somebody else may have sent it again meanwhile: then it is shown as it is. */
  async function retryOrLook() {
    try {
      return await retry(call, message.id, signal);
    } catch (problem) {
      if (problem.status !== 409) throw problem;
      return call(`notifications/${encodeURIComponent(message.id)}`, { signal });
    }
  }
  async function again(event) {
    const changed = await during(event.currentTarget, retryOrLook);
    if (!changed) return;
    announce(changed.status === "PENDING" ? t("retry.done") : `${changed.id}: ${t(`state.${changed.status}`)}`);
    draw(changed);
    panel.querySelector("a")?.focus();
    follow();
  }
  function draw(now) {
    const kept = panel.contains(document.activeElement);
    panel.replaceChildren(
      make("div", { class: "panel-head" },
        make("h3", {}, link(pageOf("notifications", now.id), now.id)), badge(now.status),
        now.status === "FAILED" ? make("button", { class: "primary", onclick: again }, t("retry")) : ""),
      make("p", { class: `why ${tones[now.status] ?? ""}` }, t(reasonOf(now))),
      factsOf(now), now.tries ? tryTable(now.tries) : "");
    if (kept) panel.querySelector("a")?.focus();
  }
  draw(message);
  if (message.status === "PENDING") follow();
  return panel;
}

export async function notification({ id, signal }) {
  const one = await call(`notifications/${encodeURIComponent(id)}`, { signal });
  return {
    title: t("notification", { id: one.id }),
    content: [
      make("p", {}, link(pageOf("orders", one.orderId), t("order", { id: String(one.orderId) }))),
      notificationPanel(one, signal),
    ],
  };
}

// ---- many ---------------------------------------------------------------------------------------

/** The filter in words, for the question before a run. */
function wordsOf(filter) {
  const words = Object.entries(filter).filter(([, value]) => value).map(([name, value]) => `${name} = ${value}`);
  return words.join(", ") || t("retry.every");
}

function manyRetries(filter, signal) {
  const told = make("p", { role: "status" });
  const begin = make("button", { onclick: run }, t("retry.all"));
  const stop = make("button", { hidden: true }, t("stop"));

  async function run() {
    const text = t("retry.which", { filter: wordsOf(filter), most: count(runMax) });
    const sure = await ask(t("retry.title"), make("p", {}, text), t("retry"));
    if (!sure) return;
    const stopping = new AbortController();
    stop.onclick = () => stopping.abort();
    stop.hidden = false;
    stop.focus();
    const either = AbortSignal.any([signal, stopping.signal]);
    let words = "";
    let tellAt = 0;
    const tell = ({ done, passed, refused }) => {
      words = t("retry.going", { done: count(done), passed: count(passed), refused: count(refused) });
      if (Date.now() < tellAt) return; // a reader of screens says each
      tellAt = Date.now() + 500;
      told.textContent = words;
    };
    let end = "";
    await during(begin, async () => {
      try {
        const counts = await retryAll(call, filter, tell, either);
        end = counts.bounded ? t("retry.bound") : t(either.aborted ? "retry.stopped" : "retry.ended");
      } catch (error) {
        end = either.aborted ? t("retry.stopped") : t("retry.fault", { why: faultOf(error) });
      }
    });
    if (document.activeElement === stop) begin.focus();
    stop.hidden = true;
    told.textContent = `${words} ${end}`;
    if (signal.aborted) announce(`${t("retry.left")} ${words}`); // `told` went with its page
  }
  return make("div", { class: "actions" }, begin, stop, told);
}

function rowRetry(message, signal) {
  if (message.status !== "FAILED") return none();
  const cell = make("span");
  const again = async (event) => {
    const changed = await during(event.currentTarget, () => retry(call, message.id, signal));
    if (!changed) return;
    announce(t("retry.done"));
    const shown = link(pageOf("notifications", message.id), t(`state.${changed.status}`));
    cell.replaceChildren(shown);
    shown.focus();
  };
  cell.append(make("button", { onclick: again, "aria-label": `${t("retry")}: ${message.id}` }, t("retry")));
  return cell;
}

function messageTable(messages, signal) {
  return table(t("notifications"), [
    { label: t("notification.id"), cell: (each) => link(pageOf("notifications", each.id), each.id) },
    { label: t("status"), cell: (each) => badge(each.status) },
    { label: t("order.id"), cell: (each) => link(pageOf("orders", each.orderId), String(each.orderId)) },
    { label: t("attempts"), number: true, cell: (each) => count(each.attempts) },
    { label: t("last.error"), cell: (each) => each.lastError },
    { label: t("created"), cell: (each) => time(each.createdAt) },
    { label: t("retry"), cell: (each) => rowRetry(each, signal) },
  ], messages);
}

export async function notifications({ params, signal }) {
  const asked = Object.fromEntries(params);
  const page = await call(`notifications?${query({ ...asked, limit: listed })}`, { signal });
  const { orderId, subscriber, createdFrom, createdTo } = asked;
  const filter = Object.fromEntries(Object.entries({ orderId, subscriber, createdFrom, createdTo }).filter(([, value]) => value));
  const statuses = ["", "FAILED", "PENDING", "DELIVERED"];
  return {
    title: t(asked.status === "FAILED" ? "nav.failed" : "notifications"),
    content: [
      filterForm("#/notifications", [
        field(t("status"), "status", asked.status, {}, statuses.map((each) => [each, each ? t(`state.${each}`) : t("any")])),
        field(t("subscriber"), "subscriber", asked.subscriber, { maxlength: 60 }),
        field(t("order.id"), "orderId", asked.orderId, { inputmode: "numeric", pattern: "[1-9][0-9]*" }),
        field(t("from"), "createdFrom", localTime(asked.createdFrom), { type: "datetime-local" }),
        field(t("to"), "createdTo", localTime(asked.createdTo), { type: "datetime-local" }),
      ], ["createdFrom", "createdTo"]),
      asked.status === "FAILED" && (page.items.length > 0 || page.hasMore) ? manyRetries(filter, signal) : null,
      page.items.length === 0 && page.hasMore ? make("p", { class: "muted" }, t("more.work")) : messageTable(page.items, signal),
      nextPage(page, "#/notifications", params),
    ],
  };
}
