// A message API and a paymentd of the tests' own: PAYMENTD and FAKE_ALIMTALK name the programs.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const startMs = 30_000;

/** The words of a program that was started, as soon as they fit `pattern`. */
function saying(child, pattern) {
  return new Promise((said, failed) => {
    let text = "";
    const timer = setTimeout(() => failed(new Error(`it did not start: ${text}`)), startMs);
    const look = (part) => {
      text += part;
      const found = pattern.exec(text);
      if (!found) return;
      clearTimeout(timer);
      said(found);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("exit", () => failed(new Error(`it ended: ${text}`)));
  });
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await new Promise((ended) => child.once("exit", ended));
}

/** A receiver of webhooks that takes all. */
function receiver() {
  const server = createServer((request, answer) => {
    request.resume();
    request.on("end", () => answer.end());
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

/**
 * Ten users of the seed, who have a million won each and the phones 01000000000 to 01000000009, and a
 * key for each purpose. `call` is one of the API with the shop's key or another.
 */
export async function startAll(paymentd, fakeAlimtalk) {
  const place = mkdtempSync(join(tmpdir(), "paymentd-console-"));
  const settings = [`database.url=sqlite:${join(place, "a.db")}`, `http.api_keys_file=${join(place, "keys.json")}`];
  const run = (...words) =>
    execFileSync(paymentd, [...words, ...settings.flatMap((each) => ["--set", each])], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  run("seed", "--users", "10", "--orders", "10", "--balance", "1000000", "--amount", "12000");
  const key = (name, scopes) => /pmd_[A-Za-z0-9]+/.exec(run("keys", "create", name, "--scopes", scopes))[0];
  const keys = { shop: key("shop", "pay,read,charge"), console: key("console", "operate") };

  const api = spawn(fakeAlimtalk, ["--listen", "127.0.0.1:0"]);
  const apiUrl = (await saying(api, /listens on (http:\S+)/))[1];
  const hooks = await receiver();
  const sets = [...settings, "http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "webhooks.networks=all",
    "alimtalk.provider=nhn", `alimtalk.base_url=${apiUrl}`, "alimtalk.app_key=app", "alimtalk.secret_key=secret",
    "alimtalk.sender_key=sender", "alimtalk.template_code=PAID"];
  const server = spawn(paymentd, ["serve", ...sets.flatMap((each) => ["--set", each])]);
  const ports = await saying(server, /serves http:\/\/127\.0\.0\.1:(\d+) \(operators: http:\/\/127\.0\.0\.1:(\d+)\)/);

  const json = async (url, method, body, headers = {}) => {
    const answer = await fetch(url, { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer.json().catch(() => ({}));
  };
  return {
    keys,
    audit: () => run("audit"),
    console: `http://127.0.0.1:${ports[2]}/console`,
    hookUrl: `http://127.0.0.1:${hooks.address().port}/hook`,
    call: (method, path, body, as = keys.shop) =>
      json(`http://127.0.0.1:${ports[1]}/v1/${path}`, method, body, { Authorization: `Bearer ${as}` }),
    messageApi: (behaviour) => json(`${apiUrl}/behaviour`, "PUT", behaviour),
    stopServer: () => end(server),
    async stop() {
      await end(server);
      await end(api);
      hooks.closeAllConnections();
      hooks.close();
      rmSync(place, { recursive: true });
    },
  };
}
