// Where paymentd tells of payments and refunds. It waits 15 s for the answer, so nothing is done here but to
// check and to store; longer work (a parcel, a mail) is begun later, from the store.
import { Body, Controller, Headers, HttpCode, Logger, Post, UnauthorizedException } from "@nestjs/common";
import type { IncomingHttpHeaders } from "node:http";
import { Settings } from "../settings/settings.js";
import { EventsService, type PaymentEvent } from "./events.service.js";
import { keyOfSecret, verify } from "./signature.js";

@Controller("webhooks")
export class WebhooksController {
  readonly #key: Buffer;
  readonly #log = new Logger("Webhooks");

  constructor(
    settings: Settings,
    private readonly events: EventsService,
  ) {
    this.#key = keyOfSecret(settings.values.webhookSecret);
  }

  /** The body comes as its bytes (create-shop.ts): the signature is over them, and they are parsed after it. */
  @Post("paymentd")
  @HttpCode(204)
  receive(@Headers() headers: IncomingHttpHeaders, @Body() body: unknown): void {
    const verdict = Buffer.isBuffer(body)
      ? verify(this.#key, headers, body, Date.now())
      : { genuine: false as const, reason: "the body is not application/cloudevents+json" };
    if (!verdict.genuine) {
      this.#log.warn(`refused a webhook: ${verdict.reason}`);
      throw new UnauthorizedException(verdict.reason);
    }
    this.events.take(verdict.id, JSON.parse(String(body)) as PaymentEvent, Date.now());
  }
}
