// A real paymentd for the tests: its own database, API keys and webhook, in a folder of its own.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export class PaymentdProcess {
  #child: ChildProcess | undefined;

  /** `program` is the path of paymentd; `place` an empty folder. */
  constructor(
    private readonly program: string,
    private readonly place: string,
    webhook: { url: string; secret: string },
  ) {
    const toml = `
      [database]
      url = "sqlite:${join(place, "paymentd.db")}"
      [http]
      listen = "127.0.0.1:0"
      api_keys_file = "${join(place, "keys.json")}"
      [admin]
      listen = "127.0.0.1:0"
      [alimtalk]
      provider = "none"
      [[webhook]]
      name = "shop"
      url = "${webhook.url}"
      secret = "${webhook.secret}"
      events = ["payments", "refunds"]
      allow_private_network = true
    `;
    writeFileSync(join(place, "paymentd.toml"), toml, { mode: 0o600 });
  }

  run(...words: string[]): string {
    return execFileSync(this.program, [...words, "--config", join(this.place, "paymentd.toml")], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  createKey(name: string, scopes: string): string {
    return this.run("keys", "create", name, "--scopes", scopes).trim();
  }

  /** The port that it serves. */
  async start(): Promise<number> {
    const child = spawn(this.program, ["serve", "--config", join(this.place, "paymentd.toml")]);
    this.#child = child;
    return new Promise((done, failed) => {
      let text = "";
      const look = (part: Buffer): void => {
        text += part.toString();
        const found = /serves http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
        if (found) done(Number(found[1]));
      };
      child.stdout.on("data", look);
      child.stderr.on("data", look);
      child.on("exit", () => failed(new Error(`paymentd ended: ${text}`)));
    });
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((exit) => child.once("exit", exit));
    child.kill(signal);
    await ended;
  }
}
