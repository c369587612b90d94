// Goal: figures of /metrics, retries of many, the last audit and faults are shown right whatever comes. Method: the
// modules as they are served, without a page: texts that Prometheus's format allows, calls that the test
// plays, and elements that only hold their texts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** The address of a module and of those that it imports; Node takes a file without a package for CommonJS. */
function addressOf(name) {
  const text = readFileSync(new URL(`../../http/console/${name}`, import.meta.url), "utf8")
    .replace(/ from "\.\/([a-z]+\.js)"/g, (_, other) => ` from "${addressOf(other)}"`);
  return `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
}
const moduleOf = (name) => import(addressOf(name));

/** The part of a page that making elements needs. */
class PlayedElement {
  constructor(name) { Object.assign(this, { name, attributes: {}, children: [] }); }
  setAttribute(name, value) { this.attributes[name] = value; }
  append(...more) { this.children.push(...more); }
  replaceChildren(...more) { this.children = more; }
  addEventListener() {}
  contains() { return false; }
  get text() { return this.children.map((each) => each.text ?? each).join(" "); }
  all(name) { return this.children.flatMap((each) => (each.all ? [...(each.name === name ? [each] : []), ...each.all(name)] : [])); }
}
const stored = { language: null };
Object.defineProperty(globalThis, "navigator", { value: { language: "en-GB" }, configurable: true });
globalThis.localStorage = { getItem: () => stored.language, setItem: (_, value) => { stored.language = value; } };
globalThis.document = { createElement: (name) => new PlayedElement(name), baseURI: "http://127.0.0.1:8081/console/" };

const { figuresOf, parse, quantile, rate } = await moduleOf("metrics.js");
const { retryAll, runMax } = await moduleOf("retries.js");
const { auditPart } = await moduleOf("audit.js");
const { switchLanguage } = await moduleOf("text.js");
const { faultOf } = await moduleOf("dom.js");
const { order } = await moduleOf("orders.js");

test("labels are read with their escapes, and lines that are no series passed by", () => {
  const families = parse('# HELP a b\n# TYPE a gauge\na{x="1",y="a\\"b\\\\c\\nd, e=\\"f\\""} 2.5\nb 3e2\nb{le="+Inf"} +Inf\n\n{} \n');
  assert.deepEqual(families.get("a"), [{ labels: { x: "1", y: 'a"b\\c\nd, e="f"' }, value: 2.5 }]);
  assert.deepEqual(families.get("b").map(({ value }) => value), [300, Infinity]);
  assert.equal(families.size, 2);
});

test("figures are those of payments, of faults that clients saw, and of each subscriber", () => {
  const figures = figuresOf(`paymentd_build_info{version="1.2.3"} 1
paymentd_http_requests_total{method="POST",route="/v1/payments",status="201"} 7
paymentd_http_requests_total{method="POST",route="/v1/payments",status="409"} 5
paymentd_http_requests_total{method="GET",route="/v1/orders",status="201"} 3
paymentd_http_requests_total{method="GET",route="/v1/orders",status="503"} 2
paymentd_http_requests_total{method="none",route="none",status="503"} 4
paymentd_http_requests_total{method="GET",route="/console/api/orders",status="504"} 8
paymentd_http_requests_total{method="GET",route="/readyz",status="503"} 16
paymentd_notification_state{subscriber="alimtalk",state="running"} 0
paymentd_notification_state{subscriber="alimtalk",state="degraded"} 1
paymentd_notification_state{subscriber="webhook-a",state="running"} 1
paymentd_notification_backlog_messages{subscriber="alimtalk"} 4
paymentd_notification_restart_delay_seconds{subscriber="alimtalk"} 27.5
`, 1000);
  assert.equal(figures.payments, 7);
  assert.equal(figures.faults, 6);
  assert.equal(figures.version, "1.2.3");
  assert.equal(figures.diskSizeBytes, null);
  assert.deepEqual(figures.subscribers.map(({ name, state, backlog, restartSeconds }) => [name, state, backlog, restartSeconds]),
    [["alimtalk", "degraded", 4, 27.5], ["webhook-a", "running", 0, 0]]);
});

test("each provider of a subscriber has figures of its own", () => {
  const { subscribers } = figuresOf(`paymentd_notification_state{subscriber="alimtalk",provider="nhn",state="running"} 0
paymentd_notification_state{subscriber="alimtalk",provider="nhn",state="degraded"} 1
paymentd_notification_state{subscriber="alimtalk",provider="solapi",state="running"} 1
paymentd_notification_state{subscriber="alimtalk",provider="solapi",state="degraded"} 0
paymentd_notification_state{subscriber="webhook-a",state="running"} 1
paymentd_notification_backlog_messages{subscriber="alimtalk",provider="nhn"} 4
paymentd_notification_backlog_messages{subscriber="alimtalk",provider="solapi"} 0
paymentd_notification_failures_in_a_row{subscriber="alimtalk",provider="nhn"} 3
paymentd_notification_failures_in_a_row{subscriber="alimtalk",provider="solapi"} 1
paymentd_notification_delivered_total{subscriber="alimtalk",provider="solapi"} 7
`, 1000);
  assert.deepEqual(subscribers.map((each) => [each.name, each.subscriber, each.state, each.backlog, each.failuresInARow, each.delivered]), [
    ["alimtalk (nhn)", "alimtalk", "degraded", 4, 3, 0],
    ["alimtalk (solapi)", "alimtalk", "running", 0, 1, 7],
    ["webhook-a", "webhook-a", "running", 0, 0, 0],
  ]);
});

test("a rate is that of the time between, and none over a restart of the server", () => {
  const before = { atMs: 1000, startedAt: 5, payments: 10 };
  assert.equal(rate(before, { atMs: 3000, startedAt: 5, payments: 40 }, "payments"), 15);
  assert.equal(rate(before, { atMs: 3000, startedAt: 6, payments: 4 }, "payments"), null);
  assert.equal(rate(before, before, "payments"), null);
});

test("a quantile lies within its bucket, and beyond the last bound is that bound", () => {
  const none = new Map([[0.1, 0], [0.2, 0], [Infinity, 0]]);
  assert.equal(quantile(none, none, 0.99), null);
  assert.ok(Math.abs(quantile(none, new Map([[0.1, 0], [0.2, 100], [Infinity, 100]]), 0.5) - 0.15) < 1e-9);
  assert.ok(Math.abs(quantile(new Map(), new Map([[0.1, 100], [Infinity, 100]]), 0.99) - 0.099) < 1e-9);
  assert.equal(quantile(none, new Map([[0.1, 0], [0.2, 0], [Infinity, 9]]), 0.99), 0.2);
  const earlier = new Map([[0.1, 50], [0.2, 50], [Infinity, 50]]);
  assert.ok(quantile(earlier, new Map([[0.1, 50], [0.2, 60], [Infinity, 60]]), 0.01) > 0.1);
});

/** Pages of FAILED messages, and a retry of each that `answer` plays. */
function played(count, answer) {
  const ids = Array.from({ length: count }, (_, at) => `alimtalk-${count - at}`);
  const asked = [];
  const call = async (path, { method } = {}) => {
    asked.push(path);
    if (method === "POST") return answer(decodeURIComponent(path.split("/")[1]));
    const query = new URLSearchParams(path.split("?")[1]);
    assert.equal(query.get("status"), "FAILED");
    const begin = Number(query.get("cursor") ?? 0);
    const end = begin + Number(query.get("limit"));
    const items = ids.slice(begin, end).map((id) => ({ id }));
    return { items, hasMore: end < count, nextCursor: end < count ? String(end) : null };
  };
  return { call, asked, ids };
}
const problem = (status) => Object.assign(new Error(String(status)), { status, retryAfterSeconds: 0 });
const run = (call, filter = {}, tell = () => {}, signal = new AbortController().signal) =>
  retryAll(call, filter, tell, signal, async (ms) => void slept.push(ms));
const slept = [];

test("all that a filter finds are retried once, over its pages", async () => {
  const retried = [];
  const { call, asked, ids } = played(250, (id) => retried.push(id));
  const counts = await run(call, { subscriber: "alimtalk" });
  assert.deepEqual(counts, { done: 250, passed: 0, refused: 0, bounded: false });
  assert.deepEqual([...retried].sort(), [...ids].sort());
  assert.ok(asked.filter((path) => path.includes("?")).every((path) => path.includes("subscriber=alimtalk")));
});

test("one that somebody else retried has passed, and others go on", async () => {
  const { call } = played(10, (id) => {
    if (id === "alimtalk-3") throw problem(409);
    if (id === "alimtalk-4") throw problem(404);
  });
  assert.deepEqual(await run(call), { done: 8, passed: 2, refused: 0, bounded: false });
});

test("a fault of the server ends the run and is told", async () => {
  const { call, asked } = played(10, () => { throw problem(500); });
  await assert.rejects(run(call), { status: 500 });
  assert.ok(asked.length <= 1 + 4, "no message is tried after the fault");
});

test("a server that is busy is asked again", async () => {
  let refused = 0;
  const { call } = played(3, (id) => {
    if (id === "alimtalk-2" && refused++ === 0) throw problem(503);
  });
  assert.deepEqual(await run(call), { done: 3, passed: 0, refused: 0, bounded: false });
  assert.equal(refused, 2);
  assert.deepEqual(slept.splice(0), [1000]);
});

test("a run ends where it is stopped, and at its bound", async () => {
  const stopping = new AbortController();
  const { call } = played(500, () => {});
  const counts = await run(call, {}, ({ done }) => { if (done === 50) stopping.abort(); }, stopping.signal);
  assert.ok(counts.done >= 50 && counts.done < 60, `${counts.done}`);
  const many = played(runMax + 500, () => {});
  const bounded = await run(many.call);
  assert.equal(bounded.bounded, true);
  assert.ok(bounded.done >= runMax && bounded.done < runMax + 4, `${bounded.done}`);
});

const began = Date.parse("2026-11-29T03:00:00Z");
const clean = { beganAt: "2026-11-29T03:00:00.000Z", tookMs: 65_000, entries: 1234567, orders: 7, breaches: 0, firstBreaches: [], version: "1.2.3" };
const broken = { ...clean, beganAt: "2026-11-30T03:00:00.000Z", tookMs: 12, breaches: 12, firstBreaches: ["user 1: <b>", "user 2"] };

test("an audit that found nothing is shown with its time and what it looked at", () => {
  const { text } = auditPart({ last: clean, lastClean: clean }, began + 200_000);
  for (const part of ["clean", "3 min 20 s ago", "1 min 5 s", "1,234,567 ledger entries, 7 orders", "1.2.3"])
    assert.ok(text.includes(part), `${part} in ${text}`);
  assert.ok(!text.includes("breaches:") && !text.includes("Last clean audit"), text);
  assert.ok(auditPart({ last: clean, lastClean: clean }, began - 5000).text.includes("0 s ago"), "clocks differ");
});

test("the breaches of an audit are counted, the first ones shown as texts, and the last clean one named", () => {
  const shown = auditPart({ last: broken, lastClean: clean }, began + 2 * 86_400_000);
  assert.ok(shown.text.includes("breaches: 12"), shown.text);
  assert.deepEqual(shown.all("li").map(({ children }) => children), [["user 1: <b>"], ["user 2"]]);
  for (const part of ["and 10 more", "12 ms", "Last clean audit", "2 d ago"]) assert.ok(shown.text.includes(part), shown.text);
  assert.ok(auditPart({ last: broken, lastClean: null }, began).text.includes("none yet"));
  const all = auditPart({ last: { ...broken, breaches: 2 }, lastClean: null }, began);
  assert.ok(!all.text.includes("more"), all.text);
});

test("a database without an audit says so, and one that is not known says why", () => {
  assert.ok(auditPart({ last: null, lastClean: null }, began).text.includes("There was no audit yet."));
  const { text } = auditPart(null, began, "a key is needed");
  assert.ok(text.includes("a key is needed") && !text.includes("no audit yet"), text);
});

test("the last audit is shown in Korean, too", () => {
  switchLanguage();
  try {
    const { text } = auditPart({ last: broken, lastClean: clean }, began);
    for (const part of ["위반 12건", "외 10건", "위반이 없던 최근 감사"]) assert.ok(text.includes(part), text);
    assert.ok(auditPart({ last: null, lastClean: null }, began).text.includes("아직 감사한 적이 없습니다."));
  } finally {
    switchLanguage();
  }
});

test("the fault of a call is told in Korean, too, before the server's own words", () => {
  const told = { status: 503, code: "database_unavailable", message: "The database does not answer; nothing happened." };
  assert.equal(faultOf(told), told.message);
  switchLanguage();
  try {
    for (const code of ["database_unavailable", "overloaded", "shutting_down", "rate_limited", "not_found"])
      assert.match(faultOf({ ...told, code }), /^[가-힣].* – The database/, code);
    assert.equal(faultOf({ ...told, code: "internal_error" }), told.message);
  } finally {
    switchLanguage();
  }
});

test("a browser that keeps nothing for the page has the language and the key until the next page", async () => {
  const blocked = { get() { throw new Error("site data are blocked"); }, configurable: true };
  const before = globalThis.localStorage;
  Object.defineProperty(globalThis, "localStorage", blocked);
  Object.defineProperty(globalThis, "sessionStorage", blocked);
  try {
    const text = await import(`${addressOf("text.js")}#blocked`); // anew, as in such a browser
    assert.equal(text.currentLanguage(), "en");
    text.switchLanguage();
    assert.equal(text.currentLanguage(), "ko");
    const api = await import(`${addressOf("api.js")}#blocked`);
    assert.equal(api.storedKey(), "");
    api.storeKey("pmd_a");
    assert.equal(api.storedKey(), "pmd_a");
    api.storeKey("");
    assert.equal(api.storedKey(), "");
  } finally {
    Object.defineProperty(globalThis, "localStorage", { value: before, configurable: true, writable: true });
    delete globalThis.sessionStorage;
  }
});

test("an order is shown though one of its messages is gone, and not though a call fails otherwise", async () => {
  const message = { id: "alimtalk-1", orderId: 1, subscriber: "alimtalk", status: "DELIVERED", attempts: 1, createdAt: "2026-11-29T03:00:00.000Z", updatedAt: "2026-11-29T03:00:00.000Z" };
  const money = { totalAmount: 12000, discountAmount: 0, finalAmount: 12000, refundedAmount: 0 };
  const one = { id: 1, userId: 2, status: "PAID", ...money, couponId: null, reference: null, createdAt: message.createdAt, updatedAt: message.createdAt };
  let status = 404;
  globalThis.fetch = async ({ pathname }) => {
    const answers = { "orders/1": one, "orders/1/entries": { items: [], hasMore: false }, notifications: { items: [message], hasMore: false } };
    const found = answers[pathname.slice("/console/api/".length)];
    return { ok: Boolean(found), status: found ? 200 : status, headers: new Headers(), json: async () => found ?? { code: "not_found" } };
  };
  const shown = async () => {
    const { content } = await order({ id: "1", signal: new AbortController().signal });
    return content.flat(3).filter(Boolean).map((each) => each.text ?? "").join(" ");
  };
  const text = await shown();
  assert.ok(text.includes("alimtalk-1") && text.includes("DELIVERED"), text);
  assert.ok(!text.includes("no try that did not succeed"), "its tries are not known");
  status = 503;
  await assert.rejects(shown(), { status: 503 });
});
