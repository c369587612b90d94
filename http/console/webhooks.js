// Webhooks: each with its state, and what an operator does to it: pause, resume, test, replay.
import { call, query } from "./api.js";
import { announce, ask, badge, count, during, facts, field, link, localTime, make, time, utcTime } from "./dom.js";
import { t } from "./text.js";

function actionsOf(webhook, draw, signal) {
  const path = `webhooks/${encodeURIComponent(webhook.name)}`;
  const button = (name, work) => make("button", {
    "aria-label": t("webhook.of", { action: t(name), name: webhook.name }),
    onclick: (event) => during(event.currentTarget, work),
  }, t(name));
  const change = async (enabled) => {
    draw(await call(path, { method: "PATCH", body: { enabled }, signal }), enabled ? "webhook.pause" : "webhook.resume");
    announce(t("webhook.changed"));
  };
  const pause = async () => {
    const title = t("webhook.pause.title", { name: webhook.name });
    if (await ask(title, make("p", {}, t("webhook.pause.text")), t("webhook.pause"))) await change(false);
  };
  const test = async () => {
    try {
      const { delivered, detail, tookMs } = await call(`${path}/test`, { method: "POST", signal });
      announce(delivered ? t("webhook.taken", { name: webhook.name, ms: count(tookMs) })
        : t("webhook.refused", { name: webhook.name, detail }));
    } catch (problem) {
      if (problem.status !== 504) throw problem;
      announce(t("webhook.late", { name: webhook.name }));
    }
  };
  const replay = async () => {
    const hourAgo = localTime(new Date(Date.now() - 3_600_000).toISOString());
    const from = await ask(t("webhook.replay.title", { name: webhook.name }), [
      make("p", {}, t("webhook.replay.text")),
      field(t("webhook.replay.from"), "from", hourAgo, { type: "datetime-local", required: true }),
    ], t("webhook.replay"), (given) => utcTime(given.get("from")));
    if (!from) return;
    await call(`${path}/replay`, { method: "POST", body: { from }, signal });
    announce(t("webhook.replayed"));
    draw(await call(path, { signal }), "webhook.replay");
  };
  return make("p", { class: "actions" },
    webhook.enabled ? button("webhook.pause", pause) : button("webhook.resume", () => change(true)),
    button("webhook.test", test), button("webhook.replay", replay),
    link(`#/notifications?${query({ status: "FAILED", subscriber: `webhook-${webhook.name}` })}`, t("webhook.messages")));
}

function webhookPanel(first, signal) {
  const panel = make("section", { class: "panel", "aria-label": first.name });
  /** `focused`: the action whose button gets the focus, since the one that was used is gone. */
  function draw(webhook, focused) {
    const bounds = `${count(webhook.maxInFlight)}, ${webhook.maxPerSecond ? count(webhook.maxPerSecond) : t("webhook.unbounded")}`;
    panel.replaceChildren(
      make("div", { class: "panel-head" }, make("h3", {}, webhook.name), badge(webhook.enabled ? "on" : "paused")),
      facts([
        ["URL", make("span", { class: "code" }, webhook.url)],
        [t("webhook.events"), make("span", { class: "code" }, webhook.events.join(", "))],
        [t("webhook.bounds"), bounds],
        [t("webhook.failing"), webhook.failingSince ? make("span", { class: "bad" }, time(webhook.failingSince)) : null],
        [t("webhook.paused"), webhook.pausedAt ? time(webhook.pausedAt) : null],
        [t("updated"), time(webhook.updatedAt)],
      ]),
      webhook.replaying ? make("p", {}, t("webhook.replaying")) : "",
      actionsOf(webhook, draw, signal));
    if (!focused) return;
    const label = t("webhook.of", { action: t(focused), name: webhook.name });
    [...panel.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === label)?.focus();
  }
  draw(first, "");
  return panel;
}

export async function webhooks({ signal }) {
  const { items } = await call("webhooks", { signal });
  return {
    title: t("webhooks"),
    content: items.length === 0 ? [make("p", { class: "muted" }, t("webhook.none"))]
      : items.map((each) => webhookPanel(each, signal)),
  };
}
