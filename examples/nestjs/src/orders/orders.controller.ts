import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from "@nestjs/common";
import { PaymentsService } from "../payments/payments.service.js";
import { ShopStore } from "../store/shop.store.js";
import { newOrderOf } from "./new-order.js";
import { newOrderNumber, type ShopOrder } from "./shop-order.js";

@Controller("orders")
export class OrdersController {
  constructor(
    private readonly store: ShopStore,
    private readonly payments: PaymentsService,
  ) {}

  /** Takes orders while paymentd is away, too: it is asked when the order is paid. */
  @Post()
  create(@Body() body: unknown): ShopOrder {
    const order: ShopOrder = {
      number: newOrderNumber(new Date()),
      ...newOrderOf(body),
      status: "PENDING",
      refundedAmount: 0,
      paymentdId: null,
    };
    this.store.commit({ order });
    return order;
  }

  @Get(":number")
  get(@Param("number") number: string): ShopOrder {
    const order = this.store.order(number);
    if (order === undefined) throw new NotFoundException(`there is no order ${number}`);
    return order;
  }

  @Post(":number/payment")
  @HttpCode(200)
  pay(@Param("number") number: string): Promise<ShopOrder> {
    return this.payments.pay(this.get(number));
  }
}
