import { Module } from "@nestjs/common";
import { APP_FILTER } from "@nestjs/core";
import { Paymentd } from "paymentd-client";
import { Settings } from "../settings/settings.js";
import { PaymentErrorsFilter } from "./payment-errors.filter.js";
import { PaymentsService } from "./payments.service.js";

@Module({
  providers: [
    {
      provide: Paymentd,
      inject: [Settings],
      useFactory: ({ values }: Settings) =>
        new Paymentd({
          baseUrl: values.paymentdUrl,
          apiKey: values.paymentdKey,
          triesMax: values.tries,
          backoffMaxMs: 2_000, // A customer waits.
        }),
    },
    { provide: APP_FILTER, useClass: PaymentErrorsFilter },
    PaymentsService,
  ],
  exports: [Paymentd, PaymentsService],
})
export class PaymentsModule {}
