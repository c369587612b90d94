// The settings of the shop, read once at the start. A missing one ends the start, with its name.

export interface SettingsValues {
  /** The port on 127.0.0.1 that the shop serves; 0 takes a free one. */
  port: number;
  /** The file of the shop's own data. */
  data: string;
  /** Where paymentd is: "https://pay.example:8443". */
  paymentdUrl: string;
  /** An API key of paymentd with the scopes `pay` and `read`. */
  paymentdKey: string;
  /** The secret of the webhook in paymentd's settings: "whsec_…". */
  webhookSecret: string;
  /** How often a request to paymentd is sent at the most, before the shop's customer is told to come back. */
  tries: number;
}

export class Settings {
  constructor(readonly values: Readonly<SettingsValues>) {}

  static fromEnvironment(environment: NodeJS.ProcessEnv): Settings {
    const given = (name: string): string => {
      const value = environment[name];
      if (value === undefined || value === "") throw new Error(`the environment lacks ${name}`);
      return value;
    };
    return new Settings({
      port: portOf(environment["SHOP_PORT"] ?? "3000"),
      data: environment["SHOP_DATA"] ?? "data/shop.jsonl",
      paymentdUrl: environment["SHOP_PAYMENTD_URL"] ?? "http://127.0.0.1:8080",
      paymentdKey: given("SHOP_PAYMENTD_KEY"),
      webhookSecret: given("SHOP_WEBHOOK_SECRET"),
      tries: 8,
    });
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`SHOP_PORT is no port: ${text}`);
  return port;
}
