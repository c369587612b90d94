// The calls to the server. The API key, where the server wants one, stays in this tab: it is in
// sessionStorage and goes out as Authorization, never as a cookie, so no other site can use it. Where
// the browser keeps nothing for this page (site data are blocked), a reload forgets the key.

const keyName = "paymentd.key";
// Above the server's own bound for an operator's call, which is two seconds.
const waitsMs = 10_000;

let held = firstKey();

function firstKey() {
  try {
    return sessionStorage.getItem(keyName) ?? "";
  } catch {
    return "";
  }
}

export function storedKey() {
  return held;
}

/** Forgets the key where `key` is empty. */
export function storeKey(key) {
  held = key;
  try {
    if (key) sessionStorage.setItem(keyName, key);
    else sessionStorage.removeItem(keyName);
  } catch {
    // The variable has it.
  }
}

/** An answer that is no success, or none at all: then `status` is 0 and `code` "unreachable". */
export class Problem extends Error {
  constructor(status, told, retryAfterSeconds) {
    super(told.detail || told.title || told.code || String(status));
    this.status = status;
    this.code = told.code ?? "";
    this.missingScope = told.missingScope ?? "";
    this.fields = Array.isArray(told.errors) ? told.errors : [];
    this.parts = told.parts ?? null;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

async function fetchBounded(path, options, signal) {
  const bound = AbortSignal.timeout(waitsMs);
  try {
    return await fetch(new URL(path, document.baseURI), {
      ...options,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, bound]) : bound,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { code: "unreachable", detail: error.message }, 0);
  }
}

async function readJson(answer) {
  try {
    return await answer.json();
  } catch {
    return {};
  }
}

/** One of the console's calls: its path below /console/api/. Gives the JSON of a success. */
export async function call(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  const key = storedKey();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetchBounded(`api/${path}`, { method, headers, body: body && JSON.stringify(body) }, signal);
  const told = await readJson(answer);
  if (!answer.ok) throw new Problem(answer.status, told, Number(answer.headers.get("Retry-After") ?? 0));
  return told;
}

/** The page of /metrics. */
export async function readMetrics(signal) {
  const answer = await fetchBounded("../metrics", {}, signal);
  if (!answer.ok) throw new Problem(answer.status, await readJson(answer), 0);
  return answer.text();
}

/** How the parts of the server are: {"settlement", "reads"}. */
export async function readReadiness(signal) {
  const answer = await fetchBounded("../readyz", {}, signal);
  return (await readJson(answer)).parts ?? {};
}

/** A query of the members that have a value. */
export function query(members) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(members))
    if (value !== undefined && value !== null && value !== "") made.set(name, value);
  return made.toString();
}
