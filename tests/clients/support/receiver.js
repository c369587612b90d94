// A receiver of webhooks that keeps each POST as it came, with the bytes that were signed.
import { createServer } from "node:http";

export class Receiver {
  #server;
  /** In order: at (ms since 1970), headers, body (text), event (its JSON) and taken. */
  requests = [];
  /** Which POSTs are answered 500; gets one of `requests`. */
  refuses = () => false;

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts).toString("utf8");
      const one = { at: Date.now(), headers: request.headers, body, event: JSON.parse(body), taken: false };
      one.taken = !receiver.refuses(one);
      receiver.requests.push(one);
      response.writeHead(one.taken ? 204 : 500).end();
    });
    await new Promise((listens) => receiver.#server.listen(0, "127.0.0.1", listens));
    receiver.url = `http://127.0.0.1:${receiver.#server.address().port}/hooks`;
    return receiver;
  }

  /** How often each webhook-id was taken. */
  taken() {
    const times = new Map();
    for (const { headers, taken } of this.requests)
      if (taken) times.set(headers["webhook-id"], (times.get(headers["webhook-id"]) ?? 0) + 1);
    return times;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((ended) => this.#server.close(ended));
  }
}
