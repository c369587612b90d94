import { Controller, Get, Param, ParseIntPipe } from "@nestjs/common";
import { Paymentd } from "paymentd-client";
import { ShopStore } from "../store/shop.store.js";

@Controller("users")
export class UsersController {
  constructor(
    private readonly paymentd: Paymentd,
    private readonly store: ShopStore,
  ) {}

  /** The balance is paymentd's and kept nowhere else: a copy would be wrong after the next payment. */
  @Get(":id")
  async get(@Param("id", ParseIntPipe) id: number): Promise<{ id: number; balance: number; points: number }> {
    const { balance } = await this.paymentd.getUser(id);
    return { id, balance, points: this.store.points(id) };
  }
}
