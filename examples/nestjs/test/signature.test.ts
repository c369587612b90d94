// Goal: a webhook is genuine only by the right secret, over these very bytes, at about this time. Method:
// the example that Standard Webhooks gives, computed by others, and changes to each part of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOfSecret, signatureOf, toleranceSeconds, verify } from "../src/webhooks/signature.js";

const key = keyOfSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const timestamp = "1614265330";
const body = Buffer.from('{"test": 2432232314}');
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const sentMs = Number(timestamp) * 1000;
const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };

test("the signature is that of Standard Webhooks' own example", () => {
  assert.equal(signatureOf(key, id, timestamp, body), signature);
  assert.deepEqual(verify(key, headers, body, sentMs), { genuine: true, id });
});

test("one of several signatures is enough, and other versions are passed by", () => {
  const several = (text: string) => verify(key, { ...headers, "webhook-signature": text }, body, sentMs).genuine;
  assert.ok(several(`v1,AAAA v1a,BBBB ${signature}`));
  assert.ok(!several(`v1,AAAA v1a,BBBB ${signature.replace("v1,", "v2,")}`));
});

test("a change of any part is seen", () => {
  const other = keyOfSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx");
  assert.ok(!verify(other, headers, body, sentMs).genuine);
  assert.ok(!verify(key, headers, Buffer.from('{"test":2432232314}'), sentMs).genuine);
  assert.ok(!verify(key, { ...headers, "webhook-id": "msg" }, body, sentMs).genuine);
  assert.ok(!verify(key, { ...headers, "webhook-timestamp": "1614265331" }, body, sentMs).genuine);
});

test("a header that is missing or no such thing is refused", () => {
  for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"] as const) {
    const { [name]: _, ...rest } = headers;
    assert.ok(!verify(key, rest, body, sentMs).genuine, name);
    assert.ok(!verify(key, { ...headers, [name]: "" }, body, sentMs).genuine, name);
  }
  assert.ok(!verify(key, { ...headers, "webhook-timestamp": "now" }, body, sentMs).genuine);
  assert.ok(!verify(key, { ...headers, "webhook-id": "a".repeat(256) }, body, sentMs).genuine);
});

test("the clock may be off by the tolerance and no more, in both directions", () => {
  for (const sign of [-1, 1]) {
    assert.ok(verify(key, headers, body, sentMs + sign * toleranceSeconds * 1000).genuine);
    assert.ok(!verify(key, headers, body, sentMs + sign * (toleranceSeconds * 1000 + 1)).genuine);
  }
});

test("a secret that is none is refused", () => {
  for (const secret of ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="])
    assert.throws(() => keyOfSecret(secret), /whsec_ and 24 to 64 bytes/);
});
