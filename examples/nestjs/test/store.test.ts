// Goal: a change is there after a crash as a whole or not at all, and the file does not grow for ever.
// Method: a store is opened anew on the file that another has left, whole or torn.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ShopOrder } from "../src/orders/shop-order.js";
import { Settings } from "../src/settings/settings.js";
import { eventKeptMs, ShopStore } from "../src/store/shop.store.js";

const order: ShopOrder = {
  number: "20261129-a", userId: 1, totalAmount: 500, discountAmount: 0, status: "PENDING", refundedAmount: 0, paymentdId: 7,
};

function fileFor(context: TestContext): string {
  const place = mkdtempSync(join(tmpdir(), "paymentd-shop-store-"));
  context.after(() => rmSync(place, { recursive: true }));
  return join(place, "data", "shop.jsonl");
}

function open(context: TestContext, data: string): ShopStore {
  const store = new ShopStore(
    new Settings({ port: 0, data, paymentdUrl: "", paymentdKey: "", webhookSecret: "", tries: 1 }),
  );
  context.after(() => store.onApplicationShutdown());
  return store;
}

test("a change is there after the next start, and a torn one is not", (context) => {
  const data = fileFor(context);
  open(context, data).commit({ order, points: { userId: 1, points: 5 }, event: { id: "e1", at: Date.now() } });
  appendFileSync(data, '{"points":{"userId":1,"points":10},"event":{"id":"e2"');
  const store = open(context, data);
  assert.deepEqual(store.order("20261129-a"), order);
  assert.deepEqual(store.orderByPaymentdId(7), order);
  assert.equal(store.points(1), 5);
  assert.deepEqual([store.hasEvent("e1"), store.hasEvent("e2")], [true, false]);
  store.commit({ event: { id: "e2", at: Date.now() } });
  assert.ok(open(context, data).hasEvent("e2"));
});

test("a start leaves one line of an order, however often it changed", (context) => {
  const data = fileFor(context);
  const store = open(context, data);
  for (let refundedAmount = 0; refundedAmount < 9; ++refundedAmount) store.commit({ order: { ...order, refundedAmount } });
  assert.equal(open(context, data).order(order.number)?.refundedAmount, 8);
  assert.equal(readFileSync(data, "utf8").split("\n").length, 2);
});

test("the id of an event is forgotten after a month, while the shop runs and when it starts", (context) => {
  const old = { id: "old", at: Date.now() - eventKeptMs - 60_000 };
  const running = open(context, fileFor(context));
  running.commit({ event: old });
  running.commit({ event: { id: "new", at: Date.now() } });
  assert.deepEqual([running.hasEvent("old"), running.hasEvent("new")], [false, true]);
  const data = fileFor(context);
  open(context, data).commit({ event: old });
  assert.ok(!open(context, data).hasEvent("old"));
});
