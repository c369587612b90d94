// A client of paymentd. Its types are generated from the server's own description (types.ts). By hand
// stands here only the part that generators get wrong: how a request is repeated.
import { randomUUID } from "node:crypto";
import type { components } from "./types.js";

type Schemas = components["schemas"];
export type User = Schemas["User"];
export type Order = Schemas["Order"];
export type LedgerEntry = Schemas["LedgerEntry"];
export type Notification = Schemas["Notification"];
export type UserPage = Schemas["UserPage"];
export type OrderPage = Schemas["OrderPage"];
export type LedgerEntryPage = Schemas["LedgerEntryPage"];
export type FailedRetry = Schemas["FailedRetry"];
export type RetriedCount = Schemas["RetriedCount"];
export type NotificationPage = Schemas["NotificationPage"];
export type Problem = Schemas["Problem"];
export type BulkResults = Schemas["BulkResults"];
export type Event = Schemas["Event"];
export type EventPage = Schemas["EventPage"];

export interface Options {
  /** Where the server is: "https://pay.example:8443". */
  baseUrl: string;
  /** "pmd_…"; left out where the server asks for none. */
  apiKey?: string;
  /** How long one try may take, in milliseconds. Longer than the server's http.request_timeout (5 s). */
  tryTimeoutMs?: number;
  /** How often a request is sent at the most. */
  triesMax?: number;
  /** The first wait between two tries, which doubles, and the longest one, in milliseconds. */
  backoffMinMs?: number;
  backoffMaxMs?: number;
  /** For tests. */
  fetch?: typeof fetch;
  sleep?: (ms: number) => Promise<void>;
  random?: () => number;
}

export interface CallOptions {
  /**
   * The name of this one purpose. Give one that you keep, where the process may die before it has the
   * answer; otherwise one is made for all tries of this call.
   */
  idempotencyKey?: string;
}

/** Times are in UTC: "2026-11-29T15:00:00Z". `createdFrom` is in, `createdTo` is out. */
export interface OrderQuery {
  userId?: number;
  status?: Order["status"];
  reference?: string;
  createdFrom?: string;
  createdTo?: string;
  limit?: number;
  cursor?: string;
}

export interface EntryQuery {
  kind?: LedgerEntry["kind"];
  createdFrom?: string;
  createdTo?: string;
  limit?: number;
  cursor?: string;
}

export interface EventsOptions {
  /** Which types of events; all of them where it is left out. */
  types?: Event["type"][];
  /** "start", "now" (which is the default), or the `position` behind the last event that you have dealt with. */
  from?: string;
  /** Ends the iteration, also while it waits. */
  signal?: AbortSignal;
}

/** An event, and the position behind it: store that with what you made of the event. */
export interface Told {
  event: Event;
  position: string;
}

/** The server refused: the problem says why, and the same request would get the same answer. */
export class PaymentdError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** Nothing happened, and the server took no try: it is overloaded, away or stopping. */
export class Unavailable extends PaymentdError {}

/**
 * No try had an answer that tells. It may have happened. Call again with `idempotencyKey`, now or later,
 * to learn what became of it.
 */
export class OutcomeUnknown extends PaymentdError {
  constructor(
    readonly idempotencyKey: string,
    status: number,
    problem: Problem | undefined,
    message: string,
  ) {
    super(status, problem, message);
  }
}

/** The end of one try. */
type Try =
  | { kind: "answered"; body: unknown }
  | { kind: "refused"; error: PaymentdError }
  | { kind: "nothing happened"; status: number; problem: Problem | undefined; waitMs: number; why: string }
  | { kind: "unknown"; status: number; problem: Problem | undefined; why: string };

const sleepFor = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** A stream ends where nothing comes for this long: the server sends a heartbeat every 15 s. */
const silenceMsMax = 45_000;

/** The next block of a stream of server-sent events. */
interface Block {
  id: string | undefined;
  data: string | undefined;
}

/** Reads blocks until the stream ends; a block that did not come whole is not given. */
async function* blocksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Block> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const block: Block = { id: undefined, data: undefined };
      for (const line of text.slice(0, end).split("\n")) {
        if (line.startsWith("id: ")) block.id = line.slice(4);
        if (line.startsWith("data: ")) block.data = line.slice(6);
      }
      text = text.slice(end + 2);
      yield block;
    }
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3); 0 where there is none. */
function retryAfterMs(header: string | null): number {
  if (header === null) return 0;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}

/** "?limit=5", or nothing. */
function queryText(query: object): string {
  const given = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

export class Paymentd {
  readonly #options: Required<Omit<Options, "apiKey">> & { apiKey: string | undefined };

  constructor(options: Options) {
    this.#options = {
      tryTimeoutMs: 10_000,
      triesMax: 8,
      backoffMinMs: 100,
      backoffMaxMs: 10_000,
      fetch: globalThis.fetch,
      sleep: sleepFor,
      random: Math.random,
      apiKey: undefined,
      ...options,
      baseUrl: options.baseUrl.replace(/\/+$/, ""),
    };
  }

  pay(payment: Schemas["Payment"], call: CallOptions = {}): Promise<Order> {
    return this.#post("/v1/payments", payment, call);
  }
  payMany(payments: Schemas["BulkPayment"][], call: CallOptions = {}): Promise<BulkResults> {
    return this.#post("/v1/payments/bulk", { payments }, call);
  }
  createOrder(order: Schemas["NewOrder"], call: CallOptions = {}): Promise<Order> {
    return this.#post("/v1/orders", order, call);
  }
  createOrders(orders: Schemas["BulkOrder"][], call: CallOptions = {}): Promise<BulkResults> {
    return this.#post("/v1/orders/bulk", { orders }, call);
  }
  getOrder(id: number): Promise<Order> {
    return this.#get(`/v1/orders/${id}`);
  }
  listOrders(query: OrderQuery = {}): Promise<OrderPage> {
    return this.#get(`/v1/orders${queryText(query)}`);
  }
  updateOrder(id: number, update: Schemas["OrderUpdate"], call: CallOptions = {}): Promise<Order> {
    return this.#patch(`/v1/orders/${id}`, update, call);
  }
  listEntries(query: EntryQuery = {}): Promise<LedgerEntryPage> {
    return this.#get(`/v1/entries${queryText(query)}`);
  }
  listUserEntries(userId: number, query: EntryQuery = {}): Promise<LedgerEntryPage> {
    return this.#get(`/v1/users/${userId}/entries${queryText(query)}`);
  }
  listOrderEntries(orderId: number, query: EntryQuery = {}): Promise<LedgerEntryPage> {
    return this.#get(`/v1/orders/${orderId}/entries${queryText(query)}`);
  }
  cancelOrder(id: number, call: CallOptions = {}): Promise<Order> {
    return this.#post(`/v1/orders/${id}/cancel`, {}, call);
  }
  refundOrder(id: number, refund: Schemas["Refund"] = {}, call: CallOptions = {}): Promise<Order> {
    return this.#post(`/v1/orders/${id}/refund`, refund, call);
  }
  createUser(user: Schemas["NewUser"], call: CallOptions = {}): Promise<User> {
    return this.#post("/v1/users", user, call);
  }
  getUser(id: number): Promise<User> {
    return this.#get(`/v1/users/${id}`);
  }
  listUsers(query: { reference?: string; phone?: string; limit?: number; cursor?: string } = {}): Promise<UserPage> {
    return this.#get(`/v1/users${queryText(query)}`);
  }
  updateUser(id: number, update: Schemas["UserUpdate"], call: CallOptions = {}): Promise<User> {
    return this.#patch(`/v1/users/${id}`, update, call);
  }
  charge(userId: number, movement: Schemas["Movement"], call: CallOptions = {}): Promise<LedgerEntry> {
    return this.#post(`/v1/users/${userId}/charges`, movement, call);
  }
  withdraw(userId: number, movement: Schemas["Movement"], call: CallOptions = {}): Promise<LedgerEntry> {
    return this.#post(`/v1/users/${userId}/withdrawals`, movement, call);
  }
  getNotification(id: string): Promise<Notification> {
    return this.#get(`/v1/notifications/${encodeURIComponent(id)}`);
  }
  listNotifications(
    query: {
      status?: Notification["status"];
      orderId?: number;
      subscriber?: string;
      createdFrom?: string;
      createdTo?: string;
      limit?: number;
      cursor?: string;
    } = {},
  ): Promise<NotificationPage> {
    return this.#get(`/v1/notifications${queryText(query)}`);
  }
  retryNotification(id: string, call: CallOptions = {}): Promise<Notification> {
    return this.#post(`/v1/notifications/${encodeURIComponent(id)}/retry`, {}, call);
  }
  /** Of a subscriber, or of all, and of a time, or of all. */
  retryFailedNotifications(which: FailedRetry = {}, call: CallOptions = {}): Promise<RetriedCount> {
    return this.#post("/v1/notifications/retry", which, call);
  }

  /** A page, oldest first. Its nextCursor is where the next one begins, also where nothing is there yet. */
  listEvents(query: { types?: string; cursor?: string; limit?: number } = {}): Promise<EventPage> {
    return this.#get(`/v1/events${queryText(query)}`);
  }
  /**
   * The events as they come, each once, for as long as you iterate: a connection that ends is taken up
   * again behind the last event. It throws where the server refuses.
   */
  async *events(options: EventsOptions = {}): AsyncGenerator<Told, void, undefined> {
    const { backoffMinMs, backoffMaxMs, sleep, random } = this.#options;
    let position = options.from ?? "now";
    const stopped = (): boolean => options.signal?.aborted === true;
    for (let failures = 0; !stopped(); ) {
      const silence = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const heard = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), silenceMsMax);
      };
      const stop = (): void => silence.abort();
      options.signal?.addEventListener("abort", stop);
      let waitMs = 0;
      try {
        heard();
        const answer = await this.#stream(position, options.types, silence.signal);
        if (answer.status === 503 || answer.status === 429) waitMs = retryAfterMs(answer.headers.get("retry-after"));
        else if (answer.status < 500 && !answer.ok) throw await this.#refusal(answer);
        if (answer.ok && answer.body !== null)
          for await (const block of blocksOf(answer.body)) {
            heard();
            failures = 0;
            position = block.id ?? position;
            if (block.data !== undefined) yield { event: JSON.parse(block.data) as Event, position };
          }
      } catch (error) {
        if (error instanceof PaymentdError) throw error;
        // The connection ended: it is taken up again.
      } finally {
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", stop);
        silence.abort(); // where the caller has stopped to iterate
      }
      if (stopped()) return;
      const backoff = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures++, 16)) * (0.5 + random() / 2);
      await sleep(Math.max(backoff, Math.min(waitMs, 60_000)));
    }
  }

  #stream(position: string, types: string[] | undefined, signal: AbortSignal): Promise<Response> {
    const { baseUrl, apiKey } = this.#options;
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (apiKey !== undefined) headers["authorization"] = `Bearer ${apiKey}`;
    const query = queryText({ from: position, ...(types === undefined ? {} : { types: types.join(",") }) });
    return this.#options.fetch(`${baseUrl}/v1/events${query}`, { headers, signal, redirect: "error" });
  }
  async #refusal(answer: Response): Promise<PaymentdError> {
    const problem = (await answer.json().catch(() => undefined)) as Problem | undefined;
    const why = `GET /v1/events: ${answer.status} ${problem?.code ?? ""}: ${problem?.detail ?? ""}`;
    return new PaymentdError(answer.status, problem, why);
  }

  #get<Answer>(path: string): Promise<Answer> {
    return this.#call("GET", path, undefined, "");
  }
  #post<Answer>(path: string, body: object, call: CallOptions): Promise<Answer> {
    // One body, as one text, and one key for all tries: the server tells them apart by both.
    return this.#call("POST", path, JSON.stringify(body), call.idempotencyKey ?? randomUUID());
  }
  #patch<Answer>(path: string, body: object, call: CallOptions): Promise<Answer> {
    return this.#call("PATCH", path, JSON.stringify(body), call.idempotencyKey ?? randomUUID());
  }

  async #call<Answer>(method: string, path: string, body: string | undefined, key: string): Promise<Answer> {
    const { triesMax, backoffMinMs, backoffMaxMs, sleep, random } = this.#options;
    let mayHaveHappened: Extract<Try, { kind: "unknown" }> | undefined;
    for (let tries = 1; ; ++tries) {
      const end = await this.#try(method, path, body, key);
      if (end.kind === "answered") return end.body as Answer;
      if (end.kind === "refused") {
        // Without the right key the server does not tell what became of an earlier try. Any other refusal
        // does: a success would have been given again.
        const { status, problem, message } = end.error;
        if (mayHaveHappened && (status === 401 || status === 403))
          throw new OutcomeUnknown(key, status, problem, message);
        throw end.error;
      }
      if (end.kind === "unknown") mayHaveHappened = end;
      if (tries >= triesMax) {
        const { status, problem, why } = mayHaveHappened ?? end;
        const message = `${method} ${path}: ${why} after ${tries} tries`;
        if (mayHaveHappened && method !== "GET") throw new OutcomeUnknown(key, status, problem, message);
        throw new Unavailable(status, problem, message);
      }
      // Half of the wait is left to chance, so that clients that failed together come back apart.
      const longest = Math.min(backoffMaxMs, backoffMinMs * 2 ** (tries - 1));
      const backoff = longest * (0.5 + random() / 2);
      await sleep(end.kind === "nothing happened" ? Math.max(backoff, end.waitMs) : backoff);
    }
  }

  async #try(method: string, path: string, body: string | undefined, key: string): Promise<Try> {
    const { baseUrl, apiKey, tryTimeoutMs } = this.#options;
    const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
    if (apiKey !== undefined) headers["authorization"] = `Bearer ${apiKey}`;
    if (key !== "") headers["idempotency-key"] = key;
    if (body !== undefined) headers["content-type"] = "application/json";
    let answer: Response;
    let told: unknown;
    try {
      answer = await this.#options.fetch(baseUrl + path, {
        method,
        headers,
        signal: AbortSignal.timeout(tryTimeoutMs),
        redirect: "error",
        ...(body === undefined ? {} : { body }),
      });
      told = await answer.json();
    } catch (error) {
      // The connection failed, or ended before the whole answer was there.
      return { kind: "unknown", status: 0, problem: undefined, why: `no answer (${String(error)})` };
    }
    if (answer.ok) return { kind: "answered", body: told };
    const problem = told as Problem;
    const why = `${answer.status} ${problem.code ?? ""}`;
    if (answer.status === 503 || answer.status === 429)
      return {
        kind: "nothing happened",
        status: answer.status,
        problem,
        waitMs: Math.min(retryAfterMs(answer.headers.get("retry-after")), 60_000),
        why,
      };
    // A proxy's own 502 or 504 tells as little as the server's.
    if (answer.status >= 500) return { kind: "unknown", status: answer.status, problem, why };
    return {
      kind: "refused",
      error: new PaymentdError(answer.status, problem, `${method} ${path}: ${why}: ${problem.detail ?? ""}`),
    };
  }
}
