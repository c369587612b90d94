// The shop's answer for each way that a call of paymentd can end without success.
import { Catch, HttpException, Logger, type ArgumentsHost } from "@nestjs/common";
import { BaseExceptionFilter } from "@nestjs/core";
import type { ServerResponse } from "node:http";
import { OutcomeUnknown, PaymentdError, Unavailable } from "paymentd-client";

interface Answer {
  status: number;
  code: string;
  message: string;
  retryAfterSeconds?: number;
}

export function answerTo(error: PaymentdError): Answer {
  if (error instanceof OutcomeUnknown)
    return {
      status: 504,
      code: "outcome_unknown",
      message: "It is not known yet whether this was paid. Pay the same order again: it is paid once at the most.",
    };
  if (error instanceof Unavailable)
    return {
      status: 503,
      code: "unavailable",
      message: "Payments are not possible right now, and nothing was taken. Pay the same order again soon.",
      retryAfterSeconds: 5,
    };
  switch (error.problem?.code) {
    case "insufficient_balance":
      return {
        status: 402,
        code: "insufficient_balance",
        message: "The balance does not cover this order, and nothing was taken. Charge it, then pay the same order again.",
      };
    case "user_not_found":
      return { status: 404, code: "user_not_found", message: "There is no such user." };
    case "order_not_payable":
      return { status: 409, code: "order_not_payable", message: "This order was cancelled and cannot be paid." };
    default:
      // 401, 403, 422 and the rest are faults of the shop's set-up or code, and none of the customer's business.
      return { status: 500, code: "internal_error", message: "The payment failed, and nothing was taken." };
  }
}

@Catch(PaymentdError)
export class PaymentErrorsFilter extends BaseExceptionFilter<PaymentdError> {
  readonly #log = new Logger("Payments");

  override catch(error: PaymentdError, host: ArgumentsHost): void {
    const { status, code, message, retryAfterSeconds } = answerTo(error);
    if (status >= 500) this.#log.error(error.message);
    if (retryAfterSeconds !== undefined)
      host.switchToHttp().getResponse<ServerResponse>().setHeader("Retry-After", String(retryAfterSeconds));
    const answer = new HttpException({ statusCode: status, code, message }, status);
    super.catch(answer as unknown as PaymentdError, host);
  }
}
