// Where the shop pays: the file to copy. Look-up of the user, balance, order PAID and the customer's AlimTalk
// are paymentd's now, in one transaction. Left to the shop is the one thing that nobody can do
// for it: to name each purpose once, and to keep that name.
import { Injectable } from "@nestjs/common";
import { Paymentd, PaymentdError } from "paymentd-client";
import { afterPayment, type PaymentState, type ShopOrder } from "../orders/shop-order.js";
import { ShopStore } from "../store/shop.store.js";

/**
 * The idempotency key: the shop's own number of the order, and what is done with it. Both are the same
 * after a crash of the shop, on another of its processes, and when the customer presses the button again; a
 * random key would be lost with the process that made it. A refund in parts needs the number of the part
 * as well.
 */
const keyOf = (order: ShopOrder, purpose: "create" | "pay"): string => `${order.number}-${purpose}`;

@Injectable()
export class PaymentsService {
  constructor(
    private readonly paymentd: Paymentd,
    private readonly store: ShopStore,
  ) {}

  /**
   * The order, PAID. May be called again after whatever end: it is paid once. Throws PaymentdError
   * (refused), Unavailable (nothing happened) or OutcomeUnknown (it may have happened); an order that was
   * paid without our knowing becomes PAID by its webhook too.
   */
  async pay(order: ShopOrder): Promise<ShopOrder> {
    if (order.status !== "PENDING") return order;
    // Two steps rather than one call with "pay": true. A key of a creation is remembered for a day, but an
    // order is never paid twice; and the webhook's order is known here before it can come.
    const orderId = order.paymentdId ?? (await this.#create(order));
    return this.#learn(order.number, await this.#payAtPaymentd(order, orderId));
  }

  async #create(order: ShopOrder): Promise<number> {
    const { userId, totalAmount, discountAmount } = order;
    const created = await this.paymentd.createOrder(
      { userId, totalAmount, discountAmount },
      { idempotencyKey: keyOf(order, "create") },
    );
    this.store.commit({ order: { ...this.#present(order.number), paymentdId: created.id } });
    return created.id;
  }

  async #payAtPaymentd(order: ShopOrder, orderId: number): Promise<PaymentState> {
    try {
      return await this.paymentd.pay(
        { orderId, userId: order.userId },
        { idempotencyKey: keyOf(order, "pay") },
      );
    } catch (error) {
      // The order was paid under another key, as after a change of the API key, which keys belong to: done.
      const found = error instanceof PaymentdError ? error.problem?.orderStatus : undefined;
      if (found !== "PAID" && found !== "REFUNDED") throw error;
      return this.paymentd.getOrder(orderId);
    }
  }

  #learn(number: string, told: PaymentState): ShopOrder {
    const order = afterPayment(this.#present(number), told);
    this.store.commit({ order });
    return order;
  }

  /** Read anew: while paymentd was asked, a webhook may have changed it. */
  #present(number: string): ShopOrder {
    const order = this.store.order(number);
    if (order === undefined) throw new Error(`order ${number} is gone from the store`);
    return order;
  }
}
