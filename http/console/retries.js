// Sends FAILED messages again: one, or all that a filter finds, page by page. Each is a call of its
// own, so that a run can be stopped anywhere and begun again. It knows no page: calls, and sleep where
// a test wants that, are given.

export const runMax = 10_000; // messages of one run
const pageMax = 100; // as many as the API gives
const atOnce = 4;
const waitsMax = 5; // for one call that is told to come again later

const pause = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

/** Nothing happened, and the same call may pass later (docs/api.md, "Advice to clients"). */
function mayPassLater(problem) {
  return problem.status === 429 || problem.status === 503;
}

async function patiently(work, signal, sleep) {
  for (let waits = 0; ; ++waits) {
    try {
      return await work();
    } catch (problem) {
      if (!mayPassLater(problem) || waits >= waitsMax || signal?.aborted) throw problem;
      await sleep(1000 * Math.min(10, Math.max(1, problem.retryAfterSeconds)), signal);
    }
  }
}

export function retry(call, id, signal) {
  return call(`notifications/${encodeURIComponent(id)}/retry`, { method: "POST", signal });
}

/**
 * Retries all FAILED messages that fit `filter`, which has members of the query of a list. `tell` is
 * called with the counts after each message. Gives the counts, and `bounded` where runMax was
 * reached. A message that somebody else retried, or that is gone, has passed. Throws at a fault that
 * is not one message's own.
 */
export async function retryAll(call, filter, tell, signal, sleep = pause) {
  const counts = { done: 0, passed: 0, refused: 0, bounded: false };
  const all = () => counts.done + counts.passed + counts.refused;
  let ids = [];
  const one = async (id) => {
    try {
      await patiently(() => retry(call, id, signal), signal, sleep);
      ++counts.done;
    } catch (problem) {
      if (problem.status === 409 || problem.status === 404) ++counts.passed;
      else if (problem.status === 400) ++counts.refused;
      else {
        ids = []; // nobody takes another one
        throw problem;
      }
    }
    tell(counts);
  };
  let cursor = "";
  while (!signal.aborted) {
    const asked = new URLSearchParams({ ...filter, status: "FAILED", limit: pageMax });
    if (cursor) asked.set("cursor", cursor);
    const page = await patiently(() => call(`notifications?${asked}`, { signal }), signal, sleep);
    ids = page.items.map(({ id }) => id);
    const work = async () => {
      for (let id = ids.shift(); id !== undefined && !signal.aborted; id = ids.shift()) {
        if (all() >= runMax) { counts.bounded = true; return; }
        await one(id);
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: atOnce }, work));
    const fault = ended.find(({ status }) => status === "rejected");
    if (fault && !signal.aborted) throw fault.reason;
    if (!page.hasMore || counts.bounded) break;
    cursor = page.nextCursor;
  }
  return counts;
}
