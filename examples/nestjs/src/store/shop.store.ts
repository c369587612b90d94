// The shop's data: its orders, its customers' points, and the webhook events that it has taken. One
// process uses the file. Each commit() is one transaction.
import { Injectable, type OnApplicationShutdown } from "@nestjs/common";
import type { ShopOrder } from "../orders/shop-order.js";
import { Settings } from "../settings/settings.js";
import { Journal } from "./journal.js";

/** The things that one transaction changes. */
export interface Change {
  order?: ShopOrder;
  points?: { userId: number; points: number };
  /** A `webhook-id`, and when it was taken, in milliseconds since 1970. */
  event?: { id: string; at: number };
}

/**
 * For how long a `webhook-id` is remembered, in milliseconds: far longer than the 24 hours that paymentd
 * tries an event for (notification.max_age).
 */
export const eventKeptMs = 30 * 24 * 3_600_000;

@Injectable()
export class ShopStore implements OnApplicationShutdown {
  readonly #orders = new Map<string, ShopOrder>();
  readonly #numbers = new Map<number, string>(); // by paymentd's id
  readonly #points = new Map<number, number>();
  readonly #events = new Map<string, number>(); // oldest first
  readonly #journal: Journal;

  constructor(settings: Settings) {
    const { data } = settings.values;
    for (const change of Journal.read(data) as Change[]) this.#apply(change);
    this.#forgetEvents(Date.now());
    // Once a start the file is written anew with what is left, so that it does not grow for ever.
    this.#journal = Journal.create(data, this.#everything());
  }

  order(number: string): ShopOrder | undefined {
    return this.#orders.get(number);
  }
  orderByPaymentdId(id: number): ShopOrder | undefined {
    const number = this.#numbers.get(id);
    return number === undefined ? undefined : this.#orders.get(number);
  }
  points(userId: number): number {
    return this.#points.get(userId) ?? 0;
  }
  hasEvent(id: string): boolean {
    return this.#events.has(id);
  }

  /** All of the change is on the disk when this returns, or nothing of it where it throws. */
  commit(change: Change): void {
    this.#journal.append(change);
    this.#apply(change);
    if (change.event !== undefined) this.#forgetEvents(change.event.at);
  }

  onApplicationShutdown(): void {
    this.#journal.close();
  }

  #apply({ order, points, event }: Change): void {
    if (order !== undefined) {
      this.#orders.set(order.number, order);
      if (order.paymentdId !== null) this.#numbers.set(order.paymentdId, order.number);
    }
    if (points !== undefined) this.#points.set(points.userId, points.points);
    if (event !== undefined) this.#events.set(event.id, event.at);
  }

  #forgetEvents(now: number): void {
    for (const [id, at] of this.#events) {
      if (now - at <= eventKeptMs) return;
      this.#events.delete(id);
    }
  }

  #everything(): Change[] {
    return [
      ...[...this.#orders.values()].map((order): Change => ({ order })),
      ...[...this.#points].map(([userId, points]): Change => ({ points: { userId, points } })),
      ...[...this.#events].map(([id, at]): Change => ({ event: { id, at } })),
    ];
  }
}
