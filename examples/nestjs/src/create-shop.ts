// The shop, put together: for the program and for the tests.
import "reflect-metadata";
import { Module, type DynamicModule, type LogLevel } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { OrdersModule } from "./orders/orders.module.js";
import { Settings } from "./settings/settings.js";
import { SettingsModule } from "./settings/settings.module.js";
import { StoreModule } from "./store/store.module.js";
import { UsersModule } from "./users/users.module.js";
import { WebhooksModule } from "./webhooks/webhooks.module.js";

@Module({ imports: [StoreModule, OrdersModule, UsersModule, WebhooksModule] })
class ShopModule {
  static with(settings: Settings): DynamicModule {
    return { module: ShopModule, imports: [SettingsModule.with(settings)] };
  }
}

export async function createShop(settings: Settings, logLevels?: LogLevel[]): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    ShopModule.with(settings),
    logLevels === undefined ? {} : { logger: logLevels },
  );
  // A webhook's body stays as it came, up to the largest that is taken.
  app.useBodyParser("raw", { type: "application/cloudevents+json", limit: 65_536 });
  app.enableShutdownHooks();
  return app;
}
