// Goal: receivers that verify by the usual packages take every POST, also while the secret is rotated
// and the webhook is paused, resumed and replayed under load; no event is lost, and one that comes
// again has the id that it had. Method: the real program on the embedded database (PAYMENTD names it;
// without it this is skipped), payments that go on all the time, and the packages standardwebhooks
// and svix, which must agree about each POST.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { paymentd, run, startPaymentd, until } from "../support/programs.js";
import { Receiver } from "../support/receiver.js";

const skip = paymentd === undefined;
const users = 100;
const orders = 30_000;
const patienceMs = 40_000;
const inForceMs = 2_000; // a change is in force within a second; the rest is for a slow machine

let place, server;
const database = () => `database.url=sqlite:${join(place, "a.db")}`;
before(async () => {
  if (skip) return;
  place = mkdtempSync(join(tmpdir(), "paymentd-webhooks-"));
  const counts = { users, orders, balance: orders * 10, amount: 10 };
  run("seed", "--set", database(), ...Object.entries(counts).flatMap(([name, value]) => [`--${name}`, String(value)]));
  server = await startPaymentd(database(), "alimtalk.provider=none", "webhooks.networks=all");
});
after(async () => {
  await server?.stop();
  if (place) rmSync(place, { recursive: true });
});

async function call(method, path, status, body) {
  const answer = await fetch(server.api + path, {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.equal(answer.status, status, `${method} ${path}: ${text}`);
  return JSON.parse(text);
}

/** Whether a POST verifies by a secret. The packages must say the same. */
function verifies({ body, headers }, secret) {
  const [standard, svix] = [StandardWebhook, SvixWebhook].map((Package) => {
    try {
      new Package(secret).verify(body, headers);
      return true;
    } catch (error) {
      assert.equal(error.name === "WebhookVerificationError" || /No matching signature/.test(error.message), true, String(error));
      return false;
    }
  });
  assert.equal(standard, svix, "the packages differ");
  return standard;
}

/** Pays order after order until it is stopped. No load pays an order that another one has paid. */
class Load {
  static #next = 1;
  #stops = false;
  #workers;

  /** Adds the orders that it has paid to `paid`. */
  constructor(paid, workers = 3) {
    this.paid = paid;
    this.#workers = Promise.all(Array.from({ length: workers }, () => this.#work()));
    this.#workers.catch(() => {}); // told by stop()
  }

  async #work() {
    while (!this.#stops) {
      const id = Load.#next++;
      assert.ok(id <= orders, "the orders are all paid");
      await call("POST", "/v1/payments", 201, { orderId: id, userId: 1 + (id % users) });
      this.paid.add(id);
      await new Promise((next) => setTimeout(next, 3));
    }
  }

  /** Until so many more are paid. */
  async goesOn(more) {
    const goal = this.paid.size + more;
    await until(() => this.paid.size >= goal, patienceMs, () => `${this.paid.size} of ${goal} payments`);
  }

  stop() {
    this.#stops = true;
    return this.#workers;
  }
}

const inOrder = (one, other) => one - other;
const paidOrders = (receiver) =>
  new Set(receiver.requests.filter((each) => each.taken && each.event.type === "paymentd.payment.succeeded.v1").map((each) => each.event.data.id));

test("rotated, paused, resumed and replayed under load: all verifies, and nothing is lost", { skip, timeout: 240_000 }, async () => {
  const receiver = await Receiver.start();
  const seen = new Set();
  // One event in fifty is refused at its first try, and comes again on its own.
  receiver.refuses = ({ event }) => event.data.id % 50 === 0 && !seen.has(event.data.id) && seen.add(event.data.id) !== undefined;
  const hook = await call("POST", "/v1/webhooks", 201, { name: "shop", url: receiver.url });
  const paid = new Set();
  let load = new Load(paid);
  /** Ends the load, and waits until the receiver has taken each payment. */
  const allTold = async () => {
    await load.stop();
    await until(() => paidOrders(receiver).size >= paid.size, patienceMs, () => `${paidOrders(receiver).size} of ${paid.size}`);
    assert.deepEqual([...paidOrders(receiver)].sort(inOrder), [...paid].sort(inOrder));
  };
  try {
    await load.goesOn(300);
    await until(() => receiver.requests.length > 100, patienceMs, () => `${receiver.requests.length} POSTs`);

    const rotatedFrom = Date.now();
    const { secret: second } = await call("POST", "/v1/webhooks/shop/rotate-secret", 200);
    const rotated = Date.now();
    assert.notEqual(second, hook.secret);
    await until(() => Date.now() > rotated + inForceMs + 1_000, patienceMs, () => "the clock stands");
    await load.goesOn(300);

    assert.equal((await call("PATCH", "/v1/webhooks/shop", 200, { enabled: false })).enabled, false);
    await until(() => Date.now() - receiver.requests.at(-1).at > 1_500, patienceMs, () => "POSTs go on");
    const atRest = receiver.requests.length;
    await load.goesOn(500);
    assert.equal(receiver.requests.length, atRest, "a paused webhook is told nothing");
    await call("PATCH", "/v1/webhooks/shop", 200, { enabled: true });
    await load.goesOn(300);
    await allTold(); // before the replay, which would bring what the pause had lost
    const waiting = () => call("GET", "/v1/notifications?status=PENDING", 200);
    await until(async () => (await waiting()).items.length === 0, patienceMs, () => "an answer of the receiver is not stored");

    const before = receiver.taken();
    assert.ok(before.size > 1_000);
    const again = () => {
      const now = receiver.taken();
      return [...before].filter(([id, times]) => now.get(id) > times).length;
    };
    load = new Load(paid);
    await load.goesOn(100);
    await call("POST", "/v1/webhooks/shop/replay", 202, { from: hook.createdAt });
    await load.goesOn(300);
    let came = 0;
    await until(() => (came = again()) === before.size, patienceMs, () => `${came} of ${before.size} came again`);
    await allTold();

    const ids = new Map(); // by order
    let bySecond = 0;
    for (const each of receiver.requests) {
      const { headers, event, body } = each;
      assert.ok(verifies(each, hook.secret), "the first secret verifies for 24 hours");
      const signed = Number(headers["webhook-timestamp"]) * 1_000;
      const isBySecond = verifies(each, second);
      bySecond += isBySecond ? 1 : 0;
      assert.ok(isBySecond || signed < rotated + inForceMs, "the second secret verifies from the rotation on");
      assert.ok(!isBySecond || signed >= rotatedFrom - 1_000, "and not before");
      assert.equal(headers["webhook-signature"].split(" ").length, isBySecond ? 2 : 1);
      const known = ids.get(event.data.id) ?? { id: headers["webhook-id"], body };
      assert.equal(headers["webhook-id"], known.id, "an order's event has one id, however often it comes");
      assert.equal(body, known.body);
      ids.set(event.data.id, known);
    }
    assert.ok(bySecond > 600);
    assert.equal(new Set([...ids.values()].map((each) => each.id)).size, ids.size, "two events have two ids");
    const one = receiver.requests.at(-1);
    assert.ok(!verifies(one, "whsec_" + Buffer.alloc(32, 7).toString("base64")), "another secret verifies nothing");
    assert.ok(!verifies({ ...one, body: one.body.replace('"', '" ') }, second), "nor does another body");
    assert.ok(!verifies({ ...one, headers: { ...one.headers, "webhook-id": "another" } }, second), "nor another id");
  } finally {
    await load.stop().catch(() => {});
    await call("DELETE", "/v1/webhooks/shop", 200);
    await receiver.stop();
  }
});

test("the four secrets before the present one verify, and no older one", { skip, timeout: 60_000 }, async () => {
  const receiver = await Receiver.start();
  try {
    const secrets = [(await call("POST", "/v1/webhooks", 201, { name: "turning", url: receiver.url })).secret];
    for (let at = 0; at < 5; ++at)
      secrets.push((await call("POST", "/v1/webhooks/turning/rotate-secret", 200)).secret);
    const signedByAll = async () => {
      assert.equal((await call("POST", "/v1/webhooks/turning/test", 200)).delivered, true);
      return verifies(receiver.requests.at(-1), secrets[5]);
    };
    await until(signedByAll, patienceMs, () => "the last secret signs nothing");
    const one = receiver.requests.at(-1);
    assert.equal(one.event.type, "paymentd.webhook.test.v1");
    assert.deepEqual(secrets.map((each) => verifies(one, each)), [false, true, true, true, true, true]);
    assert.equal(one.headers["webhook-signature"].split(" ").length, 5);
  } finally {
    await call("DELETE", "/v1/webhooks/turning", 200);
    await receiver.stop();
  }
});

test("after all of that the ledger and its notifications are sound", { skip, timeout: 60_000 }, async () => {
  await server.stop();
  assert.match(run("audit", "--set", database()), /every invariant holds/);
});
