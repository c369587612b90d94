import { Module } from "@nestjs/common";
import { PaymentsModule } from "../payments/payments.module.js";
import { UsersController } from "./users.controller.js";

@Module({ imports: [PaymentsModule], controllers: [UsersController] })
export class UsersModule {}
