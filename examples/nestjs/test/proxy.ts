// A proxy that keeps what passes through it, and lets a test stand in the way.
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}
/** Gives the answer to pass on, or "cut": then the connection ends without one. */
export type Meddler = (asked: Asked, pass: () => Promise<Answered>) => Promise<Answered | "cut">;

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function send(asked: Asked, port: number): Promise<Answered> {
  return new Promise((done, failed) => {
    const { method, path, headers, body } = asked;
    const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (answer) => {
      bytesOf(answer).then(
        (told) => done({ status: answer.statusCode ?? 0, headers: answer.headers, body: told }),
        failed,
      );
    });
    sent.on("error", failed);
    sent.end(body);
  });
}

export class Proxy {
  /** The port that it passes requests on to. */
  target = 0;
  readonly seen: { asked: Asked; status: number | "cut" }[] = [];
  /** Once set, it stands in the way of every request. */
  meddler: Meddler | undefined;
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer(async (incoming, answer) => {
      let end: Answered | "cut" = "cut";
      const asked: Asked = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.alloc(0),
      };
      try {
        asked.body = await bytesOf(incoming);
        const pass = () => send(asked, this.target);
        end = await (this.meddler === undefined ? pass() : this.meddler(asked, pass));
      } catch {
        // No answer came: the one who asked gets none either.
      }
      this.seen.push({ asked, status: end === "cut" ? "cut" : end.status });
      if (end === "cut") answer.destroy();
      else answer.writeHead(end.status, end.headers).end(end.body);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  static async listen(): Promise<Proxy> {
    const proxy = new Proxy();
    await new Promise<void>((listening) => proxy.#server.listen(0, "127.0.0.1", listening));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The first request that fits, once it has passed. The test's own time-out ends the wait. */
  async saw(fits: (asked: Asked) => boolean): Promise<Asked> {
    for (;;) {
      const found = this.seen.find(({ asked, status }) => status !== "cut" && status < 300 && fits(asked));
      if (found !== undefined) return found.asked;
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
