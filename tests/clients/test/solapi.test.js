// Goal: fake-alimtalk is taken for Solapi by the SDK that Solapi publishes, since other tests believe
// it. Method: the SDK from the npm registry, and its schemas of the answers, against the real program
// (FAKE_ALIMTALK names it; without it this is skipped). The SDK knows one address, so `fetch` leads
// it to the program.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Schema } from "effect";
import { detailGroupMessageResponseSchema, SolapiMessageService } from "solapi";
import { behave, fakeAlimtalk, startFake } from "../support/programs.js";

process.env["TZ"] = "Asia/Seoul"; // the SDK writes times with the offset of its machine

const skip = fakeAlimtalk === undefined;
const official = "https://api.solapi.com/";
const direct = globalThis.fetch;
const requests = []; // that the SDK made, in order

let fake;
before(async () => {
  if (skip) return;
  fake = await startFake();
  globalThis.fetch = (url, init) => {
    if (!String(url).startsWith(official)) return direct(url, init);
    requests.push({ url: String(url), init });
    return direct(`${fake.url}/${String(url).slice(official.length)}`, init);
  };
});
after(() => fake?.stop());

const solapi = new SolapiMessageService("key", "secret");
const minute = 60_000;

const alimtalk = (number, more = {}) => ({
  to: `010${number}`,
  from: "0212345678",
  type: "ATA",
  kakaoOptions: { pfId: "PF1", templateId: "KA01TP", variables: { 주문번호: `A-${number}` }, disableSms: true },
  customFields: { deliveryId: `alimtalk-${number}`, callKey: "7.1" },
  ...more,
});
const alimtalks = (first, count) => Array.from({ length: count }, (_, at) => alimtalk(first + at));

/** Sends by the SDK, and reads the answer by the SDK's schema, which its `send` leaves to its types. */
const send = async (messages, config) =>
  Schema.decodeUnknownSync(detailGroupMessageResponseSchema)(await solapi.send(messages, config));

/** The error that the call ends with. */
const error = (promise) => promise.then(() => assert.fail("it was accepted"), (thrown) => thrown);
const accepted = async () => (await (await direct(`${fake.url}/received?count=1`)).json()).count;

test("one message is accepted, and its answer has all that the SDK wants", { skip }, async () => {
  const { groupInfo, failedMessageList, messageList } = await send(alimtalk(10_000_001), { showMessageList: true });
  assert.equal(groupInfo.count.total, 1);
  assert.equal(groupInfo.count.registeredSuccess, 1);
  assert.equal(groupInfo.count.registeredFailed, 0);
  assert.deepEqual(groupInfo.countForCharge.ata, { 82: 1 });
  assert.deepEqual(failedMessageList, []);
  assert.equal(messageList.length, 1);
  assert.equal(messageList[0].statusCode, "2000");
  assert.deepEqual(messageList[0].customFields, alimtalk(10_000_001).customFields);
  const { messageList: none } = await send(alimtalk(10_000_002));
  assert.equal(none, undefined); // only where it is asked for
});

test("many messages are accepted in one call, and bad ones are told alone", { skip }, async () => {
  await behave(fake, { poisonNumbers: ["01011000500"] });
  const before = await accepted();
  const messages = [...alimtalks(11_000_000, 1000), alimtalk(1)]; // the last has no number
  const { groupInfo, failedMessageList, messageList } = await send(messages, { showMessageList: true });
  assert.equal(groupInfo.count.total, 1001);
  assert.equal(groupInfo.count.registeredSuccess, 999);
  assert.equal(groupInfo.count.registeredFailed, 2);
  assert.equal(messageList.length, 999);
  const failed = failedMessageList.map((each) => [each.to, each.statusCode, each.customFields.deliveryId]);
  assert.deepEqual(failed, [
    ["01011000500", "1060", "alimtalk-11000500"], // a registration ends with a code 1xxx
    ["0101", "1011", "alimtalk-1"],
  ]);
  assert.equal(new Set(messageList.map((each) => each.messageId)).size, 999);
  assert.equal(await accepted(), before + 999);
  await behave(fake);
});

test("a call of which nothing is registered is told by its list of failures", { skip }, async () => {
  await behave(fake, { resultCode: 1030 }); // no balance
  const thrown = await error(solapi.send(alimtalks(12_000_000, 3)));
  assert.equal(thrown._tag, "MessageNotReceivedError");
  assert.equal(thrown.totalCount, 3);
  assert.deepEqual(thrown.failedMessageList.map((each) => each.statusCode), ["1030", "1030", "1030"]);
  await behave(fake);
  const untold = await error(solapi.send(alimtalk(12_000_000, { kakaoOptions: { pfId: "PF1", templateId: "" } })));
  assert.deepEqual(untold.failedMessageList.map((each) => each.statusCode), ["1010"]);
});

test("a number that stands twice in a call is refused unless duplicates are allowed", { skip }, async () => {
  const both = [alimtalk(13_000_000), alimtalk(13_000_000)];
  const once = await send(both);
  assert.deepEqual(once.failedMessageList.map((each) => each.statusCode), ["1026"]);
  const twice = await send(both, { allowDuplicates: true });
  assert.equal(twice.groupInfo.count.registeredSuccess, 2);
  assert.equal(twice.groupInfo.allowDuplicates, true);
});

test("more than 10,000 messages are refused", { skip }, async () => {
  const thrown = await error(solapi.send(alimtalks(14_000_000, 10_001)));
  assert.equal(thrown._tag, "ClientError");
  assert.equal(thrown.httpStatus, 400);
  assert.equal(thrown.errorCode, "ValidationError");
});

test("another secret, an old time and a signature that comes again are refused", { skip }, async () => {
  const before = await accepted();
  const forged = await error(new SolapiMessageService("key", "another").send(alimtalk(15_000_000)));
  assert.deepEqual([forged._tag, forged.httpStatus, forged.errorCode], ["ClientError", 403, "SignatureDoesNotMatch"]);
  const now = globalThis.Date;
  globalThis.Date = class extends now {
    constructor(...given) {
      super(...(given.length === 0 ? [now.now() - 16 * minute] : given));
    }
  };
  const late = await error(solapi.send(alimtalk(15_000_000))).finally(() => (globalThis.Date = now));
  assert.deepEqual([late._tag, late.httpStatus, late.errorCode], ["ClientError", 403, "RequestTimeTooSkewed"]);
  await send(alimtalk(15_000_000));
  const { url, init } = requests.at(-1);
  const again = await fetch(url, init);
  assert.equal(again.status, 403);
  assert.equal((await again.json()).errorCode, "DuplicatedSignature");
  assert.equal(await accepted(), before + 1);
});

test("an outage is told, and the SDK signs each of its tries anew", { skip }, async () => {
  const before = await accepted();
  await behave(fake, { status: 500 });
  const broken = await error(solapi.send(alimtalk(16_000_000)));
  assert.deepEqual([broken._tag, broken.httpStatus], ["ServerError", 500]);
  await behave(fake, { status: 503 });
  const sent = requests.length;
  const busy = await error(solapi.send(alimtalk(16_000_000)));
  assert.equal(busy.errorCode, "RequestFailedAfterRetryError");
  const tries = requests.slice(sent);
  assert.equal(tries.length, 4);
  assert.equal(new Set(tries.map((each) => each.init.headers.Authorization)).size, 4);
  await behave(fake, { retryAfterSeconds: 1 });
  assert.equal((await error(solapi.send(alimtalk(16_000_000)))).httpStatus, 429);
  await behave(fake);
  assert.equal(await accepted(), before);
});

test("results are listed as the server reads them: by time, over as many pages as it takes", { skip }, async () => {
  await behave(fake, { unreachableNumbers: ["01017000007"] });
  const { groupInfo } = await send(alimtalks(17_000_000, 30));
  const span = {
    dateType: "UPDATED",
    startDate: new Date(Date.now() - minute),
    endDate: new Date(Date.now() + minute),
    limit: 7,
  };
  const all = new Map();
  let pages = 0;
  for (let startKey; ; ++pages) {
    assert.ok(pages < 1000, "the list has an end");
    const page = await solapi.getMessages({ ...span, limit: pages === 0 ? 7 : 500, ...(startKey ? { startKey } : {}) });
    for (const [id, message] of Object.entries(page.messageList)) {
      assert.equal(message.messageId, id);
      assert.ok(!all.has(id), "a message stands on one page");
      all.set(id, message);
    }
    if (!page.nextKey) break;
    startKey = page.nextKey;
  }
  assert.ok(pages > 0);
  const ours = [...all.values()].filter((each) => each.groupId === groupInfo.groupId);
  assert.equal(ours.length, 30);
  for (const each of ours) {
    const unreachable = each.to === "01017000007";
    assert.equal(each.type, "ATA");
    assert.equal(each.statusCode, unreachable ? "3104" : "4000");
    assert.equal(each.customFields.deliveryId, `alimtalk-${each.to.slice(3)}`);
    assert.ok(unreachable ? each.reason : Math.abs(Date.parse(each.dateReceived) - Date.now()) < minute);
  }
  const earlier = { ...span, startDate: new Date(Date.now() - 9 * minute), endDate: new Date(Date.now() - 5 * minute) };
  assert.deepEqual((await solapi.getMessages(earlier)).messageList, {});
  await behave(fake);
});

test("a message is found by its id, its group and its number", { skip }, async () => {
  const { groupInfo, messageList } = await send(alimtalks(18_000_000, 3), { showMessageList: true });
  const numbers = async (filter) => Object.values((await solapi.getMessages(filter)).messageList).map((each) => each.to);
  assert.deepEqual(await numbers({ messageId: messageList[1].messageId }), ["01018000001"]);
  assert.deepEqual(await numbers({ groupId: groupInfo.groupId }), ["01018000000", "01018000001", "01018000002"]);
  assert.deepEqual(await numbers({ to: "01018000002" }), ["01018000002"]);
  assert.deepEqual(await numbers({ groupId: groupInfo.groupId, statusCode: "3104" }), []);
  const bad = await error(solapi.getMessages({ limit: 501 }));
  assert.deepEqual([bad.httpStatus, bad.errorCode], [400, "ValidationError"]);
});
