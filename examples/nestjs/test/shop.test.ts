// Goal: a payment through the shop is made once whatever dies, and its webhook is taken once, if it is
// genuine. Method: the real server (PAYMENTD names the program; without it this is skipped), and a proxy
// on each of the two ways between it and the shop. Nothing sleeps: each wait is for a request that comes.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { INestApplication } from "@nestjs/common";
import { Paymentd } from "paymentd-client";
import { createShop } from "../src/create-shop.js";
import type { ShopOrder } from "../src/orders/shop-order.js";
import { Settings, type SettingsValues } from "../src/settings/settings.js";
import type { PaymentEvent } from "../src/webhooks/events.service.js";
import { keyOfSecret, signatureOf } from "../src/webhooks/signature.js";
import { PaymentdProcess } from "./paymentd-process.js";
import { Proxy, type Asked, type Meddler } from "./proxy.js";

const program = process.env["PAYMENTD"];
const secret = `whsec_${randomBytes(32).toString("base64")}`;
const startBalance = 50_000;

type Answer = { status: number; headers: Headers; body: Record<string, unknown> };

class Shop {
  private constructor(
    private readonly app: INestApplication,
    readonly port: number,
  ) {}

  static async open(values: SettingsValues): Promise<Shop> {
    const app = await createShop(new Settings(values), []);
    await app.listen(0, "127.0.0.1");
    return new Shop(app, (app.getHttpServer().address() as AddressInfo).port);
  }

  async ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === "" ? {} : JSON.parse(text) };
  }
  async order(userId: number, totalAmount: number, discountAmount = 0): Promise<string> {
    const { status, body } = await this.ask("POST", "/orders", { userId, totalAmount, discountAmount });
    assert.equal(status, 201);
    return String(body["number"]);
  }
  pay(number: string): Promise<Answer> {
    return this.ask("POST", `/orders/${number}/payment`);
  }
  async look(number: string): Promise<ShopOrder> {
    return (await this.ask("GET", `/orders/${number}`)).body as unknown as ShopOrder;
  }
  async points(userId: number): Promise<unknown> {
    return (await this.ask("GET", `/users/${userId}`)).body["points"];
  }
  close(): Promise<void> {
    return this.app.close();
  }
}

const eventOf = (asked: Asked): PaymentEvent => JSON.parse(String(asked.body)) as PaymentEvent;
const toldOf = (orderId: number | null, type: PaymentEvent["type"]) => (asked: Asked) =>
  eventOf(asked).type === type && eventOf(asked).data.id === orderId;
const isPayment = ({ method, path }: Asked): boolean => method === "POST" && path === "/v1/payments";

describe("a shop that pays through paymentd", { skip: program === undefined, timeout: 120_000 }, () => {
  const place = mkdtempSync(join(tmpdir(), "paymentd-shop-"));
  let toPaymentd: Proxy;
  let toShop: Proxy;
  let server: PaymentdProcess;
  let settings: SettingsValues;
  let shop: Shop;
  let hurried: Shop; // tries once
  let desk: Paymentd; // the support desk, with an API key of its own

  before(async () => {
    toPaymentd = await Proxy.listen();
    toShop = await Proxy.listen();
    server = new PaymentdProcess(program!, place, { url: `${toShop.url}/webhooks/paymentd`, secret });
    server.run("seed", "--users", "9", "--orders", "0", "--balance", String(startBalance));
    settings = {
      port: 0,
      data: join(place, "shop.jsonl"),
      paymentdUrl: toPaymentd.url,
      paymentdKey: server.createKey("shop", "pay,read"),
      webhookSecret: secret,
      tries: 8,
    };
    const deskKey = server.createKey("desk", "read,pay,charge,refund");
    toPaymentd.target = await server.start();
    desk = new Paymentd({ baseUrl: toPaymentd.url, apiKey: deskKey });
    shop = await Shop.open(settings);
    toShop.target = shop.port;
    hurried = await Shop.open({ ...settings, data: join(place, "hurried.jsonl"), tries: 1 });
  });

  after(async () => {
    await server.end("SIGTERM");
    await shop.close();
    await hurried.close();
    toShop.close();
    toPaymentd.close();
    assert.match(server.run("audit"), /every invariant holds/);
    rmSync(place, { recursive: true });
  });

  /** The order, paid, and its webhook as it came. */
  async function paid(userId: number, amount: number): Promise<{ order: ShopOrder; webhook: Asked }> {
    const number = await shop.order(userId, amount);
    assert.equal((await shop.pay(number)).status, 200);
    const order = await shop.look(number);
    return { order, webhook: await toShop.saw(toldOf(order.paymentdId, "paymentd.payment.succeeded.v1")) };
  }
  /** The status of the shop's answer to a webhook with these headers. */
  async function send(body: Buffer, id: string, timestamp: string, signature: string, type?: string): Promise<number> {
    const answer = await shop.ask("POST", "/webhooks/paymentd", String(body), {
      "content-type": type ?? "application/cloudevents+json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signature,
    });
    return answer.status;
  }
  async function paymentsOf(userId: number): Promise<number> {
    const { items } = await desk.listUserEntries(userId, { limit: 100 });
    return items.filter(({ kind }) => kind === "PAYMENT").length;
  }

  test("a payment makes the order PAID, and its signed webhook gives the points", async () => {
    const number = await shop.order(1, 12_000, 2_000);
    const answer = await shop.pay(number);
    assert.equal(answer.status, 200);
    assert.equal(answer.body["status"], "PAID");
    const order = await shop.look(number);
    assert.equal(order.status, "PAID");
    assert.equal((await desk.getOrder(order.paymentdId!)).status, "PAID");
    const { headers, body } = await toShop.saw(toldOf(order.paymentdId, "paymentd.payment.succeeded.v1"));
    assert.equal(headers["content-type"], "application/cloudevents+json");
    assert.equal(
      headers["webhook-signature"],
      signatureOf(keyOfSecret(secret), String(headers["webhook-id"]), String(headers["webhook-timestamp"]), body),
    );
    const { body: user } = await shop.ask("GET", "/users/1");
    assert.deepEqual(user, { id: 1, balance: startBalance - 10_000, points: 100 });
  });

  test("a webhook that is forged, old or of the future is refused", async () => {
    const { order, webhook } = await paid(2, 1_000);
    const before = { order: await shop.look(order.number), points: await shop.points(2) };
    const key = keyOfSecret(secret);
    const { body } = webhook;
    const now = String(Math.floor(Date.now() / 1000));
    const good = signatureOf(key, "new", now, body);
    const other = Buffer.from(String(body).replace('"finalAmount":1000', '"finalAmount":9999'));
    assert.notDeepEqual(other, body);
    assert.equal(await send(other, "new", now, good), 401);
    assert.equal(await send(body, "newer", now, good), 401);
    assert.equal(await send(body, "new", now, signatureOf(randomBytes(32), "new", now, body)), 401);
    assert.equal(await send(body, "new", now, ""), 401);
    assert.equal(await send(body, "new", now, good, "application/json"), 401);
    for (const at of [String(Number(now) - 400), String(Number(now) + 400)])
      assert.equal(await send(body, "new", at, signatureOf(key, "new", at, body)), 401);
    assert.deepEqual({ order: await shop.look(order.number), points: await shop.points(2) }, before);
    // The same request is taken once it is right: each refusal above had one cause.
    assert.equal(await send(body, "new", now, good), 204);
    assert.equal(await shop.points(2), 20);
  });

  test("a webhook that comes again is answered 2xx and changes nothing, also after a restart of the shop", async () => {
    const { webhook } = await paid(3, 2_000);
    const { headers, body } = webhook;
    const again = (): Promise<number> =>
      send(body, String(headers["webhook-id"]), String(headers["webhook-timestamp"]), String(headers["webhook-signature"]));
    assert.equal(await again(), 204);
    assert.equal(await shop.points(3), 20);
    await shop.close();
    shop = await Shop.open(settings);
    toShop.target = shop.port;
    assert.equal(await again(), 204);
    assert.equal(await shop.points(3), 20);
  });

  test("a balance that does not suffice is 402 with a clear message, and the same order is paid after a charge", async () => {
    const number = await shop.order(4, startBalance + 1);
    const refused = await shop.pay(number);
    assert.equal(refused.status, 402);
    assert.equal(refused.body["code"], "insufficient_balance");
    assert.match(String(refused.body["message"]), /balance does not cover this order, and nothing was taken/);
    assert.equal((await shop.look(number)).status, "PENDING");
    assert.equal((await desk.getUser(4)).balance, startBalance);
    await desk.charge(4, { amount: 1 });
    assert.equal((await shop.pay(number)).status, 200);
    assert.equal((await desk.getUser(4)).balance, 0);
  });

  const restarts: [string, number, Meddler][] = [
    ["after the commit and before its answer", 5, async (_, pass) => {
      assert.equal((await pass()).status, 201);
      return "cut";
    }],
    ["before the request reached it", 6, async () => "cut"],
  ];
  for (const [when, userId, cut] of restarts)
    test(`paymentd, killed and started anew ${when}, is asked again under the same key, and pays once`, async () => {
      const keys: unknown[] = [];
      toPaymentd.meddler = async (asked, pass) => {
        if (!isPayment(asked)) return pass();
        keys.push(asked.headers["idempotency-key"]);
        if (keys.length > 1) return pass();
        const end = await cut(asked, pass);
        await server.end("SIGKILL");
        toPaymentd.target = await server.start();
        return end;
      };
      const number = await shop.order(userId, 3_000);
      const answer = await shop.pay(number);
      toPaymentd.meddler = undefined;
      assert.equal(answer.status, 200);
      assert.equal(answer.body["status"], "PAID");
      assert.deepEqual(keys, [`${number}-pay`, `${number}-pay`]);
      assert.equal(await paymentsOf(userId), 1);
      assert.equal((await desk.getUser(userId)).balance, startBalance - 3_000);
      // The killed process had perhaps not sent its webhook: the next one does.
      await toShop.saw(toldOf((await shop.look(number)).paymentdId, "paymentd.payment.succeeded.v1"));
      assert.equal(await shop.points(userId), 30);
    });

  /** The order, pending, after a try of the hurried shop whose request or answer `meddler` took away. */
  async function failed(userId: number, amount: number, status: number, meddler: Meddler): Promise<ShopOrder> {
    const number = await hurried.order(userId, amount);
    toPaymentd.meddler = (asked, pass) => (isPayment(asked) ? meddler(asked, pass) : pass());
    const answer = await hurried.pay(number);
    toPaymentd.meddler = undefined;
    assert.equal(answer.status, status);
    const order = await hurried.look(number);
    assert.equal(order.status, "PENDING");
    return order;
  }

  test("where the outcome stays unknown the shop says 504; the order becomes PAID, and paying again pays once", async () => {
    toShop.target = hurried.port;
    const order = await failed(7, 4_000, 504, async (_, pass) => {
      toShop.meddler = async () => "cut"; // until the shop has answered
      await pass();
      return "cut";
    });
    toShop.meddler = undefined;
    await toShop.saw(toldOf(order.paymentdId, "paymentd.payment.succeeded.v1"));
    assert.equal((await hurried.look(order.number)).status, "PAID");
    assert.equal((await hurried.pay(order.number)).status, 200);
    assert.equal(await paymentsOf(7), 1);
    toShop.target = shop.port;
  });

  test("an overloaded paymentd is 503 with Retry-After, and nothing was taken", async () => {
    const order = await failed(8, 4_000, 503, async () => ({
      status: 503,
      headers: { "content-type": "application/problem+json", "retry-after": "1" },
      body: Buffer.from('{"code":"overloaded"}'),
    }));
    assert.equal(await paymentsOf(8), 0);
    assert.equal((await hurried.pay(order.number)).status, 200);
    assert.equal(await paymentsOf(8), 1);
  });

  test("an order that was paid under another API key meanwhile is PAID, one that was cancelled is 409", async () => {
    const lost: Meddler = async () => "cut";
    const elsewhere = await failed(8, 5_000, 504, lost);
    await desk.pay({ orderId: elsewhere.paymentdId!, userId: 8 });
    const answer = await hurried.pay(elsewhere.number);
    assert.deepEqual([answer.status, answer.body["status"]], [200, "PAID"]);
    assert.equal(await paymentsOf(8), 2);
    const cancelled = await failed(8, 5_000, 504, lost);
    await desk.cancelOrder(cancelled.paymentdId!);
    const refused = await hurried.pay(cancelled.number);
    assert.deepEqual([refused.status, refused.body["code"]], [409, "order_not_payable"]);
  });

  test("refunds by the support desk make the order REFUNDED, which an event of its payment does not undo", async () => {
    const paymentIs = (asked: Asked): boolean => eventOf(asked).type === "paymentd.payment.succeeded.v1";
    toShop.meddler = async (asked, pass) => (paymentIs(asked) ? "cut" : pass());
    const number = await shop.order(9, 6_000);
    assert.equal((await shop.pay(number)).status, 200);
    const { paymentdId } = await shop.look(number);
    await desk.refundOrder(paymentdId!, { amount: 2_000 });
    await desk.refundOrder(paymentdId!);
    const refunded = toldOf(paymentdId, "paymentd.payment.refunded.v1");
    for (const amount of [2_000, 4_000])
      await toShop.saw((asked) => refunded(asked) && eventOf(asked).data.refund?.amount === amount);
    assert.equal(await shop.points(9), -60);
    toShop.meddler = undefined;
    await toShop.saw(toldOf(paymentdId, "paymentd.payment.succeeded.v1"));
    const order = await shop.look(number);
    assert.deepEqual([order.status, order.refundedAmount], ["REFUNDED", 6_000]);
    assert.equal(await shop.points(9), 0);
  });

  test("bad input is 400 or 404, and costs paymentd nothing", async () => {
    const seen = toPaymentd.seen.length;
    for (const body of [[], {}, { userId: 0, totalAmount: 1 }, { userId: 1, totalAmount: 1.5 },
      { userId: 1, totalAmount: 5, discountAmount: 6 }])
      assert.equal((await shop.ask("POST", "/orders", body)).status, 400);
    assert.equal((await shop.pay("none")).status, 404);
    assert.equal(toPaymentd.seen.length, seen);
  });
});
