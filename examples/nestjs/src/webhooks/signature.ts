// Whether a webhook comes from paymentd, by Standard Webhooks 1.0: an HMAC over id, time and the very bytes
// of the body. Pure: the time is given.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** How far the sender's clock may be from ours, in seconds. An older request may be a recorded one. */
export const toleranceSeconds = 300;
const idLengthMax = 255;

/** The key in "whsec_…". Throws where it is none. */
export function keyOfSecret(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  if (!secret.startsWith("whsec_") || key.length < 24 || key.length > 64)
    throw new Error("a webhook's secret is whsec_ and 24 to 64 bytes in base64");
  return key;
}

export function signatureOf(key: Buffer, id: string, timestamp: string, body: Buffer): string {
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  return `v1,${mac}`;
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

export type Verdict = { genuine: true; id: string } | { genuine: false; reason: string };

export function verify(key: Buffer, headers: IncomingHttpHeaders, body: Buffer, nowMs: number): Verdict {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (typeof id !== "string" || typeof timestamp !== "string" || typeof signatures !== "string")
    return { genuine: false, reason: "webhook-id, webhook-timestamp or webhook-signature is missing" };
  if (id === "" || id.length > idLengthMax) return { genuine: false, reason: "webhook-id is empty or too long" };
  if (!/^\d{1,12}$/.test(timestamp)) return { genuine: false, reason: "webhook-timestamp is no time" };
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > toleranceSeconds)
    return { genuine: false, reason: "webhook-timestamp is too far from now" };
  // Several, with a space between, while paymentd changes its secret: one that fits is enough.
  const wanted = signatureOf(key, id, timestamp, body);
  return signatures.split(" ").some((each) => equal(each, wanted))
    ? { genuine: true, id }
    : { genuine: false, reason: "no signature fits" };
}
