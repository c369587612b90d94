import { Module } from "@nestjs/common";
import { EventsService } from "./events.service.js";
import { WebhooksController } from "./webhooks.controller.js";

@Module({ controllers: [WebhooksController], providers: [EventsService] })
export class WebhooksModule {}
