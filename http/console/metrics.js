// Reads Prometheus's text format, and makes of two readings the rates of the time between them.
// docs/metrics.md has the names. Pure: it knows no page and no clock.

const escapes = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

function labelsOf(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"/g))
    labels[name] = value.replace(/\\./g, (escaped) => escapes[escaped] ?? escaped);
  return labels;
}

function numberOf(text) {
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

/** A map from a name to its series: {labels, value}. Lines that are none are passed by. */
export function parse(text) {
  const families = new Map();
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name, labels, value] = found;
    if (!families.has(name)) families.set(name, []);
    families.get(name).push({ labels: labelsOf(labels ?? ""), value: numberOf(value) });
  }
  return families;
}

function sum(families, name, fits = () => true) {
  return (families.get(name) ?? []).reduce((all, { labels, value }) => (fits(labels) ? all + value : all), 0);
}

// "none": no route was found, or the request was no HTTP. The others are the operators' own.
const isClients = (labels) => labels.route?.startsWith("/v1/") || labels.route === "none";
const isPay = (labels) => labels.method === "POST" && labels.route === "/v1/payments";

function bucketsOf(families, fits) {
  const buckets = new Map();
  for (const { labels, value } of families.get("paymentd_http_request_duration_seconds_bucket") ?? [])
    if (fits(labels)) buckets.set(numberOf(labels.le), (buckets.get(numberOf(labels.le)) ?? 0) + value);
  return buckets;
}

/** Of a subscriber with several providers, each provider is one of these, as each has a supervisor. */
function subscribersOf(families) {
  const nameOf = ({ subscriber, provider }) => (provider ? `${subscriber} (${provider})` : subscriber);
  const all = new Map();
  for (const { labels, value } of families.get("paymentd_notification_state") ?? []) {
    const name = nameOf(labels);
    if (!all.has(name)) all.set(name, { name, subscriber: labels.subscriber, state: "" });
    if (value === 1) all.get(name).state = labels.state;
  }
  for (const [name, each] of all) {
    const read = (metric) => sum(families, `paymentd_notification_${metric}`, (labels) => nameOf(labels) === name);
    each.backlog = read("backlog_messages");
    each.oldestSeconds = read("backlog_oldest_seconds");
    each.delivered = read("delivered_total");
    each.failed = read("failed_total");
    each.restartSeconds = read("restart_delay_seconds");
    each.failuresInARow = read("failures_in_a_row");
    each.heldSeconds = read("held_seconds");
  }
  return [...all.values()];
}

/** The figures of one reading that the overview shows. `atMs` is when it was made. */
export function figuresOf(text, atMs) {
  const families = parse(text);
  const only = (name) => families.get(name)?.[0]?.value ?? null;
  return {
    atMs,
    payments: sum(families, "paymentd_http_requests_total", (labels) => isPay(labels) && labels.status === "201"),
    commands: sum(families, "paymentd_commands_total"),
    faults: sum(families, "paymentd_http_requests_total", (labels) => isClients(labels) && Number(labels.status) >= 500),
    payBuckets: bucketsOf(families, isPay),
    subscribers: subscribersOf(families),
    webhooksPaused: only("paymentd_webhooks_disabled"),
    auditAt: only("paymentd_audit_last_timestamp_seconds"),
    startedAt: only("process_start_time_seconds"),
    diskFreeBytes: only("paymentd_database_disk_free_bytes"),
    diskSizeBytes: only("paymentd_database_disk_size_bytes"),
    version: families.get("paymentd_build_info")?.[0]?.labels.version ?? "",
  };
}

/** Of a counter, a second; null where there is no time between, or the server was started anew. */
export function rate(before, now, counter) {
  const seconds = (now.atMs - before.atMs) / 1000;
  if (seconds <= 0 || before.startedAt !== now.startedAt) return null;
  return Math.max(0, now[counter] - before[counter]) / seconds;
}

/**
 * The quantile, in seconds, of what came between two readings of a histogram, as Prometheus's
 * histogram_quantile has it: within a bucket evenly. Null where nothing came. Beyond the last bound,
 * that bound.
 */
export function quantile(before, now, part) {
  const bounds = [...now.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => Math.max(0, now.get(bound) - (before.get(bound) ?? 0)));
  const all = counts.at(-1) ?? 0;
  if (all === 0) return null;
  const rank = part * all;
  const at = counts.findIndex((count) => count >= rank);
  if (bounds[at] === Infinity) return bounds[at - 1] ?? null;
  const low = at === 0 ? 0 : bounds[at - 1];
  const below = at === 0 ? 0 : counts[at - 1];
  return low + ((bounds[at] - low) * (rank - below)) / (counts[at] - below);
}
