// Starts the programs that are tested, each on free ports of loopback, and ends them. Used by every
// test here.
import { execFileSync, spawn } from "node:child_process";

export const paymentd = process.env["PAYMENTD"];
export const fakeAlimtalk = process.env["FAKE_ALIMTALK"];

const startMs = 20_000;
const endMs = 20_000;

/** Runs paymentd to its end, and gives its output. Throws where it fails. */
export function run(...words) {
  return execFileSync(paymentd, words, { encoding: "utf8", timeout: 60_000 });
}

/** A program that runs, and the groups of `line`, the output that says that it serves. */
export class Program {
  #child;
  #ended;
  output = "";

  static async start(path, words, line) {
    const program = new Program();
    program.#child = spawn(path, words, { stdio: ["ignore", "pipe", "pipe"] });
    program.#ended = new Promise((ended) => program.#child.once("close", ended));
    program.found = await new Promise((serves, failed) => {
      const timer = setTimeout(() => failed(new Error(`it does not serve: ${program.output}`)), startMs);
      const look = (part) => {
        program.output += part.toString();
        const found = line.exec(program.output);
        if (!found) return;
        clearTimeout(timer);
        serves(found);
      };
      program.#child.stdout.on("data", look);
      program.#child.stderr.on("data", look);
      program.#child.once("error", failed);
      program.#child.once("exit", () => failed(new Error(`it ended: ${program.output}`)));
    }).catch(async (error) => {
      await program.stop("SIGKILL");
      throw error;
    });
    return program;
  }

  /** Asks it to end, and waits until it has. */
  async stop(signal = "SIGTERM") {
    if (this.#child.pid === undefined) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endMs);
    this.#child.kill(signal);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** fake-alimtalk on a free port; `url` is its address. */
export async function startFake() {
  const program = await Program.start(fakeAlimtalk, ["--listen", "127.0.0.1:0"], /listens on (http:\S+)/);
  return Object.assign(program, { url: program.found[1] });
}

/** paymentd on free ports; `api` and `operators` are its addresses. */
export async function startPaymentd(...settings) {
  const words = ["http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", ...settings].flatMap((each) => ["--set", each]);
  const program = await Program.start(
    paymentd,
    ["serve", ...words],
    /serves (http:\/\/\S+:\d+) \(operators: (http:\/\/\S+:\d+)\)/,
  );
  return Object.assign(program, { api: program.found[1], operators: program.found[2] });
}

/** Tells fake-alimtalk how to behave from now on; without an argument, as a healthy API. */
export async function behave(fake, behaviour = {}) {
  const answer = await fetch(`${fake.url}/behaviour`, { method: "PUT", body: JSON.stringify(behaviour) });
  if (answer.status !== 200) throw new Error(await answer.text());
}

/** Waits until `holds()` is true. Throws where it is not within `ms`. */
export async function until(holds, ms, about) {
  for (const end = Date.now() + ms; ; await new Promise((next) => setTimeout(next, 20))) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${about()}`);
  }
}
