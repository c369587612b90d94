// Goal: fake-alimtalk answers as NHN Cloud documents it, since other tests believe it. Method: the
// real program (FAKE_ALIMTALK names it; without it this is skipped), and the shapes and codes of
// NHN's documents in fixtures/, each of which names its source.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { behave, fakeAlimtalk, startFake } from "../support/programs.js";
import { differences } from "../support/shape.js";

const skip = fakeAlimtalk === undefined;
const fixture = (name) => JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
const { resultCodes, deliveryCodes, resendStatuses } = fixture("nhn-codes");
const resentAsSms = ["-3010", "-3011", "-3042", "-3043", "-3046"]; // "can be resend by sms service"

let fake;
before(async () => {
  if (!skip) fake = await startFake();
});
after(() => fake?.stop());

const minute = 60_000;
const day = 24 * 60 * minute;

/** "2026-11-22 23:05", in Korea, as NHN writes a time. */
const korea = (ms) => new Date(ms + 9 * 60 * minute).toISOString().slice(0, 16).replace("T", " ");

/** A call with the body or the query; the answer is of the fixture's shape, or the test fails. */
async function call(name, { body, query = {}, headers = {} } = {}) {
  const { request, answer: shape } = fixture(name);
  const [method, path] = request.split(" ");
  const url = new URL(fake.url + path.replace("{appkey}", "app"));
  url.search = new URLSearchParams(query).toString();
  const answer = await fetch(url, {
    method,
    headers: { "Content-Type": "application/json;charset=UTF-8", "X-Secret-Key": "secret", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^application\/json/);
  const given = await answer.json();
  assert.deepEqual(differences(shape, given), []);
  const { resultCode, resultMessage, isSuccessful } = given.header;
  assert.equal(resultMessage, resultCodes[resultCode], `the message of ${resultCode}`);
  assert.equal(isSuccessful, resultCode === 0);
  return given;
}

const recipient = (recipientNo, more = {}) => ({
  recipientNo,
  templateParameter: { 주문번호: "A-1" },
  recipientGroupingKey: `key of ${recipientNo}`,
  ...more,
});
const sending = (...recipientList) => ({ senderKey: "sender", templateCode: "PAID", senderGroupingKey: "call", recipientList });
const send = (body, headers) => call("nhn-send", { body, headers });
const code = (given) => String(given.header.resultCode);
const now = () => ({ startRequestDate: korea(Date.now() - minute), endRequestDate: korea(Date.now() + minute) });

test("a call that is accepted is answered with a result for each recipient", { skip }, async () => {
  const { header, message } = await send(sending(recipient("01000000001"), recipient("01000000002")));
  assert.equal(header.resultCode, 0);
  assert.equal(typeof message.requestId, "string");
  assert.deepEqual(message.sendResults.map((each) => each.recipientSeq), [1, 2]);
  for (const each of message.sendResults) assert.equal(each.resultMessage, resultCodes[each.resultCode]);
});

test("a key that comes again within ten minutes is refused", { skip }, async () => {
  const headers = { "X-NC-API-IDEMPOTENCY-KEY": "once" };
  assert.equal(code(await send(sending(recipient("01000000001")), headers)), "0");
  assert.equal(code(await send(sending(recipient("01000000001")), headers)), "-1005");
});

test("a call without its secret, its template or a body is refused by the documented code", { skip }, async () => {
  const secret = { "X-Secret-Key": "" };
  const span = { startUpdateDate: korea(Date.now() - minute), endUpdateDate: korea(Date.now()) };
  assert.equal(code(await send(sending(recipient("01000000001")), secret)), "-1001");
  assert.equal(code(await call("nhn-messages", { query: now(), headers: secret })), "-1001");
  assert.equal(code(await call("nhn-message-results", { query: span, headers: secret })), "-1001");
  assert.equal(code(await send({ ...sending(recipient("01000000001")), templateCode: "" })), "-3003");
  assert.equal(code(await send("{")), "-4000");
});

test("where all recipients are refused the call is, and their own codes stand in it", { skip }, async () => {
  const none = await send(sending(recipient("1"), recipient("2")));
  assert.equal(code(none), "-1031");
  assert.equal(none.message.requestId ?? null, null);
  assert.deepEqual(none.message.sendResults.map((each) => each.resultCode), [-5000, -5000]);
  for (const each of none.message.sendResults) assert.equal(each.resultMessage, resultCodes["-5000"]);
  const one = await send(sending(recipient("1"), recipient("01000000002")));
  assert.equal(code(one), "0");
  assert.deepEqual(one.message.sendResults.map((each) => each.resultCode), [-5000, 0]);
});

test("a refused AlimTalk goes out as an SMS where the code and the setting say so", { skip }, async () => {
  const numbers = resentAsSms.map((each, at) => [`0101000000${at}`, Number(each)]);
  await behave(fake, { numberCodes: Object.fromEntries(numbers) });
  const asked = { resendParameter: { isResend: true, resendType: "SMS", resendContent: "paid", resendSendNo: "0212345678" } };
  const answer = await send({
    ...sending(...numbers.map(([number]) => recipient(number, asked))),
    senderGroupingKey: "as SMS",
  });
  for (const each of answer.message.sendResults) assert.equal(each.resultMessage, resultCodes[each.resultCode]);
  await behave(fake);
  const found = await call("nhn-messages", { query: { ...now(), senderGroupingKey: "as SMS" } });
  const { messages, totalCount } = found.messageSearchResultResponse;
  assert.equal(totalCount, numbers.length);
  for (const each of messages) {
    assert.equal(each.resendStatus, "RSC04");
    assert.equal(each.resendStatusName, resendStatuses["RSC04"]);
    assert.equal(each.resultCodeName, deliveryCodes[each.resultCode]);
  }
});

test("a search has the documented fields, pages and bounds", { skip }, async () => {
  const many = Array.from({ length: 20 }, (_, at) => recipient(`010${20_000_000 + at}`));
  const { message } = await send({ ...sending(...many), senderGroupingKey: "many" });
  const first = await call("nhn-messages", { query: { requestId: message.requestId } });
  assert.equal(first.messageSearchResultResponse.messages.length, 15); // the default
  assert.equal(first.messageSearchResultResponse.totalCount, 20);
  const rest = await call("nhn-messages", { query: { requestId: message.requestId, pageNum: 2 } });
  assert.equal(rest.messageSearchResultResponse.messages.length, 5);
  const [one] = first.messageSearchResultResponse.messages;
  assert.equal(one.senderKey, "sender");
  assert.equal(one.templateCode, "PAID");
  assert.equal(one.messageStatus, "COMPLETED");
  assert.equal(one.resultCodeName, deliveryCodes[one.resultCode]);
  assert.equal(one.resendStatusName, resendStatuses[one.resendStatus]);
  const created = { startCreateDate: now().startRequestDate, endCreateDate: now().endRequestDate };
  for (const query of [now(), created])
    assert.ok((await call("nhn-messages", { query: { ...query, pageSize: 1000 } })).messageSearchResultResponse.totalCount >= 20);
  const today = Date.now();
  const span = (from, to) => ({ startRequestDate: korea(today - from * day), endRequestDate: korea(today - to * day) });
  assert.equal(code(await call("nhn-messages", { query: span(30, 0) })), "0");
  assert.equal(code(await call("nhn-messages", { query: span(31, 0) })), "-4003");
  assert.equal(code(await call("nhn-messages", { query: span(92, 80) })), "-4017");
  assert.equal(code(await call("nhn-messages", { query: { senderGroupingKey: "many" } })), "-4103");
  assert.equal(code(await call("nhn-messages", { query: { ...now(), pageSize: 1001 } })), "-4000");
});

test("updates of results have the documented fields, and their count", { skip }, async () => {
  await behave(fake, { unreachableNumbers: ["01030000001"] });
  const asked = { resendParameter: { isResend: true, resendType: "SMS", resendContent: "paid", resendSendNo: "0212345678" } };
  const { message } = await send(
    sending(recipient("01030000001"), recipient("01030000002"), recipient("01030000003", asked)),
  );
  const query = { startUpdateDate: korea(Date.now() - minute), endUpdateDate: korea(Date.now() + minute) };
  const { totalCount } = await call("nhn-message-results-count", { query });
  const { messages } = await call("nhn-message-results", { query: { ...query, pageSize: 1000 } });
  assert.equal(messages.length, totalCount);
  const ours = messages.filter((each) => each.requestId === message.requestId);
  assert.deepEqual(ours.map((each) => [each.recipientSeq, each.messageStatus, each.resultCode, each.resendStatus]), [
    [1, "FAILED", "3018", "RSC01"],
    [2, "COMPLETED", "1000", "RSC01"],
    [3, "COMPLETED", "1000", "RSC02"],
  ]);
  for (const each of ours) {
    assert.equal(each.resultCodeName, deliveryCodes[each.resultCode]);
    assert.equal(each.resendStatusName, resendStatuses[each.resendStatus]);
  }
  const page = await call("nhn-message-results", { query });
  assert.ok(page.messages.length <= 15); // the default
  await behave(fake, { nullResultCodes: true });
  await call("nhn-message-results", { query });
  await behave(fake);
});
