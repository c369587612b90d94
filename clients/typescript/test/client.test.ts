// Goal: a request is repeated with one key and one body, as long and as often as it may, and each end
// is told for what it is. Method: a fetch that the test plays; time is not slept but noted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OutcomeUnknown, Paymentd, PaymentdError, Unavailable } from "../src/client.js";

type Played = { status: number; body?: object; headers?: Record<string, string> } | Error;

function played(...answers: Played[]) {
  const sent: { url: string; key: string | null; body: unknown; auth: string | null }[] = [];
  const waits: number[] = [];
  const client = new Paymentd({
    baseUrl: "http://server/",
    apiKey: "pmd_x",
    triesMax: 4,
    backoffMinMs: 100,
    backoffMaxMs: 1000,
    random: () => 1,
    sleep: async (ms) => void waits.push(ms),
    fetch: (async (url: string, init: RequestInit) => {
      const headers = new Headers(init.headers);
      sent.push({
        url,
        key: headers.get("idempotency-key"),
        body: init.body,
        auth: headers.get("authorization"),
      });
      const next = answers.shift();
      assert.ok(next, "asked more often than the test expects");
      if (next instanceof Error) throw next;
      return new Response(JSON.stringify(next.body ?? {}), { status: next.status, headers: next.headers ?? {} });
    }) as typeof fetch,
  });
  return { client, sent, waits };
}

const paid = { status: 201, body: { id: 1, status: "PAID" } };

test("all tries of a call have one key and one body, and two calls have two keys", async () => {
  const { client, sent } = played(new Error("reset"), { status: 504 }, paid, paid);
  assert.equal((await client.pay({ orderId: 1, userId: 2 })).status, "PAID");
  await client.pay({ orderId: 1, userId: 2 });
  assert.equal(new Set(sent.slice(0, 3).map((each) => each.key)).size, 1);
  assert.equal(new Set(sent.slice(0, 3).map((each) => each.body)).size, 1);
  assert.notEqual(sent[3]?.key, sent[0]?.key);
  assert.equal(sent[0]?.url, "http://server/v1/payments");
  assert.equal(sent[0]?.auth, "Bearer pmd_x");
});

test("a key that is given is used", async () => {
  const { client, sent } = played(paid, { status: 202, body: { id: "alimtalk-7", status: "PENDING" } });
  await client.charge(7, { amount: 5 }, { idempotencyKey: "mine" });
  assert.equal(sent[0]?.key, "mine");
  await client.retryNotification("alimtalk-7", { idempotencyKey: "mine too" });
  assert.equal(sent[1]?.key, "mine too");
});

test("waits grow, are left to chance in part, and are as long as the server asks at the least", async () => {
  const { client, waits } = played(
    new Error("reset"),
    { status: 503, headers: { "retry-after": "2" } },
    { status: 429, headers: { "retry-after": "0" } },
    paid,
  );
  await client.pay({ orderId: 1, userId: 2 });
  assert.deepEqual(waits, [100, 2000, 400]);
});

test("a refusal is not repeated", async () => {
  const { client, sent } = played({ status: 402, body: { code: "insufficient_balance", detail: "no" } });
  await assert.rejects(client.pay({ orderId: 1, userId: 2 }), (error: unknown) => {
    assert.ok(error instanceof PaymentdError && !(error instanceof OutcomeUnknown));
    assert.equal(error.status, 402);
    assert.equal(error.problem?.code, "insufficient_balance");
    return true;
  });
  assert.equal(sent.length, 1);
});

test("where nothing happened for certain, that is told", async () => {
  const busy = { status: 503, body: { code: "overloaded" } };
  const { client } = played(busy, busy, busy, busy);
  await assert.rejects(client.pay({ orderId: 1, userId: 2 }), Unavailable);
});

test("where one try may have happened, that is told with the key to ask again", async () => {
  const busy = { status: 503, body: { code: "overloaded" } };
  const { client, sent } = played(busy, { status: 504 }, busy, busy);
  await assert.rejects(client.pay({ orderId: 1, userId: 2 }), (error: unknown) => {
    assert.ok(error instanceof OutcomeUnknown);
    assert.equal(error.idempotencyKey, sent[0]?.key);
    return true;
  });
});

test("a key that was revoked meanwhile leaves an earlier try open", async () => {
  const { client } = played(new Error("reset"), { status: 401, body: { code: "unauthorized" } });
  await assert.rejects(client.pay({ orderId: 1, userId: 2 }), OutcomeUnknown);
});

test("an answer that is cut off is no answer", async () => {
  const { client, sent } = played(new SyntaxError("Unexpected end of JSON input"), paid);
  await client.pay({ orderId: 1, userId: 2 });
  assert.equal(sent.length, 2);
});

test("a read has no key and may be repeated", async () => {
  const { client, sent } = played(new Error("reset"), { status: 200, body: { id: 7 } });
  assert.equal((await client.getUser(7)).id, 7);
  assert.equal(sent[1]?.key, null);
});

/** A client whose streams are these texts, one a connection. */
function streamed(...texts: (string | { status: number; body: object })[]) {
  const asked: URLSearchParams[] = [];
  const client = new Paymentd({
    baseUrl: "http://server",
    sleep: async () => undefined,
    fetch: (async (url: string) => {
      asked.push(new URL(url).searchParams);
      const next = texts.shift();
      assert.ok(next !== undefined, "asked more often than the test expects");
      if (typeof next === "string") return new Response(next);
      return new Response(JSON.stringify(next.body), { status: next.status });
    }) as typeof fetch,
  });
  return { client, asked };
}

test("events are resumed behind the last whole one, and each comes once", async () => {
  const { client, asked } = streamed(
    'retry: 1000\nid: p0\n\nid: p1\ndata: {"id":"1"}\n\nid: p2\ndata: {"id":"2"}\n\nid: p3\nda',
    { status: 503, body: { code: "overloaded" } },
    'id: p2\n\n: heartbeat\nid: p2\n\nid: p3\ndata: {"id":"3"}\n\n',
  );
  const seen: string[] = [];
  for await (const { event, position } of client.events({ types: ["paymentd.payment.refunded.v1"] })) {
    seen.push(`${event.id} ${position}`);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ["1 p1", "2 p2", "3 p3"]);
  assert.deepEqual(asked.map((each) => each.get("from")), ["now", "p2", "p2"]);
  assert.equal(asked[0]?.get("types"), "paymentd.payment.refunded.v1");
});

test("events that the server refuses are not asked for again", async () => {
  const { client } = streamed({ status: 400, body: { code: "invalid_request" } });
  await assert.rejects(async () => {
    for await (const each of client.events({ from: "yesterday" })) assert.fail(each.position);
  }, PaymentdError);
});

test("events end when the caller says so", async () => {
  const stop = new AbortController();
  const { client } = streamed('id: p1\ndata: {"id":"1"}\n\n');
  for await (const each of client.events({ signal: stop.signal })) {
    assert.equal(each.event.id, "1");
    stop.abort();
  }
});
