// Goal: through a network that drops, delays and resets at random nothing is paid or charged twice, and
// nothing is lost. Method: the real server (PAYMENTD names the program; without it this is skipped), a
// proxy that does the worst to a part of all connections, and the ledger's own audit at the end.
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Paymentd } from "../src/client.js";

const program = process.env["PAYMENTD"];
const payments = Number(process.env["PAYMENTS"] ?? "10000");
const charges = payments / 10;
const users = 100;

/** Random numbers in [0, 1) that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A proxy that, for each piece of data, may cut the connection before or after it, or hold it up. */
function badProxy(to: number, random: () => number, done: { cuts: number }): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    const pass = (from: typeof client, into: typeof client) => {
      from.on("data", (data) => {
        const chance = random();
        const cut = () => {
          ++done.cuts;
          client.resetAndDestroy();
          upstream.resetAndDestroy();
        };
        if (chance < 0.01) return cut(); // dropped
        if (chance < 0.02) return void into.write(data.subarray(0, data.length >> 1), cut); // half of it
        if (chance < 0.03) return void into.write(data, cut); // all of it, and no answer
        if (chance < 0.06) {
          from.pause();
          return void setTimeout(() => {
            if (!into.destroyed) into.write(data);
            from.resume();
          }, random() * 300);
        }
        into.write(data);
      });
      from.on("error", () => into.destroy());
      from.on("close", () => into.destroy());
    };
    pass(client, upstream);
    pass(upstream, client);
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

function serving(child: ChildProcess): Promise<number> {
  return new Promise((done, failed) => {
    let text = "";
    const look = (part: Buffer) => {
      text += part.toString();
      const found = /serves http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
      if (found) done(Number(found[1]));
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.on("exit", () => failed(new Error(`the server ended: ${text}`)));
  });
}

test("nothing is paid or charged twice, and nothing is lost", { skip: program === undefined, timeout: 300_000 }, async () => {
  const place = mkdtempSync(join(tmpdir(), "paymentd-client-"));
  const database = `database.url=sqlite:${join(place, "a.db")}`;
  const run = (...words: string[]) => execFileSync(program!, [...words, "--set", database], { encoding: "utf8" });
  run("seed", "--users", String(users), "--orders", String(payments), "--balance", String(payments * 10), "--amount", "10");
  const child = spawn(program!, ["serve", "--set", database, "--set", "http.listen=127.0.0.1:0", "--set",
    "admin.listen=127.0.0.1:0", "--set", "alimtalk.provider=none"]);
  const random = randomFrom(Number(process.env["SEED"] ?? "1"));
  const done = { cuts: 0 };
  try {
    const proxy = await badProxy(await serving(child), random, done);
    const { port } = proxy.address() as AddressInfo;
    const client = new Paymentd({
      baseUrl: `http://127.0.0.1:${port}`, triesMax: 50, tryTimeoutMs: 6_000, backoffMinMs: 5, backoffMaxMs: 200,
    });
    const work: (() => Promise<unknown>)[] = [];
    for (let id = 1; id <= payments; ++id)
      work.push(async () => {
        const order = await client.pay({ orderId: id, userId: 1 + (id % users) });
        assert.equal(order.id, id);
        assert.equal(order.status, "PAID");
      });
    for (let n = 0; n < charges; ++n)
      work.push(async () => assert.equal((await client.charge(1 + (n % users), { amount: 7 })).amount, 7));
    const worker = async () => {
      for (let next = work.pop(); next !== undefined; next = work.pop()) await next();
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    let sum = 0;
    for (let id = 1; id <= users; ++id) sum += (await client.getUser(id)).balance;
    assert.equal(sum, users * payments * 10 - payments * 10 + charges * 7);
    assert.ok(done.cuts > payments / 100, `only ${done.cuts} connections were cut`);
    proxy.close();
  } finally {
    child.kill("SIGTERM");
    await new Promise((ended) => (child.exitCode === null ? child.once("exit", ended) : ended(0)));
  }
  assert.match(run("audit"), /every invariant holds/);
  rmSync(place, { recursive: true });
});
