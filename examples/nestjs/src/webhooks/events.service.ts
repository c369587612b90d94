// Takes an event once, whatever the order in which events come.
import { Injectable, Logger } from "@nestjs/common";
import type { Order as PaymentdOrder } from "paymentd-client";
import { afterPayment } from "../orders/shop-order.js";
import { ShopStore, type Change } from "../store/shop.store.js";

/** A CloudEvent of paymentd. More types may be added: one that is not known here is passed by. */
export interface PaymentEvent {
  type: "paymentd.payment.succeeded.v1" | "paymentd.payment.refunded.v1";
  data: PaymentdOrder & { refund?: { entryId: number; amount: number; reason: string | null } };
}

/** One point for each 100 won. */
const pointsFor = (amount: number): number => Math.floor(amount / 100);

/** The points that an event gives, or takes back: a sum, which an event that is taken twice would spoil. */
function pointsOf({ type, data }: PaymentEvent): number {
  if (type === "paymentd.payment.succeeded.v1") return pointsFor(data.finalAmount);
  if (type !== "paymentd.payment.refunded.v1") return 0;
  // The difference that this part makes: parts that are rounded one by one would leave points behind.
  const left = data.finalAmount - data.refundedAmount;
  return pointsFor(left) - pointsFor(left + (data.refund?.amount ?? 0));
}

@Injectable()
export class EventsService {
  readonly #log = new Logger("Events");

  constructor(private readonly store: ShopStore) {}

  /**
   * Takes the event, and remembers its id in the same transaction: a crash leaves both or neither. Throws
   * where it cannot be stored; paymentd sends it again then.
   */
  take(id: string, event: PaymentEvent, now: number): void {
    if (!event.type.startsWith("paymentd.payment.")) return; // a test, or one about webhooks
    if (this.store.hasEvent(id)) return;
    const order = this.store.orderByPaymentdId(event.data.id);
    if (order === undefined) {
      // Another shop's: sending it again would not make it ours.
      this.#log.log(`${id} is of an order that is not of this shop`);
      return;
    }
    const points = this.store.points(order.userId) + pointsOf(event);
    const change: Change = {
      order: afterPayment(order, event.data),
      points: { userId: order.userId, points },
      event: { id, at: now },
    };
    this.store.commit(change);
  }
}
