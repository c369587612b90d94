// The shop's own order, and what it learns from paymentd about its payment.
import { randomBytes } from "node:crypto";
import type { Order as PaymentdOrder } from "paymentd-client";

export interface ShopOrder {
  /** The shop's own number. It is given once and never again: it names the payment for good. */
  number: string;
  userId: number;
  totalAmount: number;
  discountAmount: number;
  status: "PENDING" | "PAID" | "REFUNDED";
  refundedAmount: number;
  /** The id of this order at paymentd, once it is there. */
  paymentdId: number | null;
}

/** Of all that paymentd says of an order, the part that the shop keeps. */
export type PaymentState = Pick<PaymentdOrder, "status" | "refundedAmount">;

/**
 * "20261129-5f0c1b9a7d21". A number that counts from 1 would begin anew with an empty database, and an
 * order would then bear the idempotency key of an older one, which is paid.
 */
export function newOrderNumber(now: Date): string {
  return `${now.toISOString().slice(0, 10).replaceAll("-", "")}-${randomBytes(6).toString("hex")}`;
}

/**
 * The order as it is after `told`. Answers and webhooks overtake each other, and an answer that is given
 * again tells of an earlier time: so nothing ever goes back.
 */
export function afterPayment(order: ShopOrder, told: PaymentState): ShopOrder {
  const rank = { PENDING: 0, CANCELLED: 0, PAID: 1, REFUNDED: 2 };
  const status = rank[told.status] > rank[order.status] ? (told.status as ShopOrder["status"]) : order.status;
  return { ...order, status, refundedAmount: Math.max(order.refundedAmount, told.refundedAmount) };
}
