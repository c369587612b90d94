// Orders: the list, and one with its ledger entries and its messages.
import { call, query } from "./api.js";
import { badge, facts, field, filterForm, link, localTime, make, metadataOf, nextPage, none, pageOf, table, time, won } from "./dom.js";
import { notificationPanel } from "./notifications.js";
import { t } from "./text.js";

const listed = 20;
// An order has a message for each subscriber and refund; beyond these the list has them all.
const messagesShown = 10;

export function orderTable(orders) {
  return table(t("orders"), [
    { label: t("order.id"), cell: (each) => link(pageOf("orders", each.id), String(each.id)) },
    { label: t("reference"), cell: (each) => each.reference },
    { label: t("user.id"), cell: (each) => link(pageOf("users", each.userId), String(each.userId)) },
    { label: t("status"), cell: (each) => badge(each.status) },
    { label: t("final"), number: true, cell: (each) => won(each.finalAmount) },
    { label: t("refunded"), number: true, cell: (each) => (each.refundedAmount ? won(each.refundedAmount) : none()) },
    { label: t("created"), cell: (each) => time(each.createdAt) },
  ], orders);
}

export function entryTable(entries) {
  return table(t("entries"), [
    { label: t("entry"), cell: (each) => make("span", { class: "code" }, String(each.id)) },
    { label: t("kind"), cell: (each) => each.kind },
    { label: t("order.id"), cell: (each) => (each.orderId ? link(pageOf("orders", each.orderId), String(each.orderId)) : none()) },
    { label: t("amount"), number: true, cell: (each) => won(each.amount) },
    { label: t("balance.after"), number: true, cell: (each) => won(each.balanceAfter) },
    { label: t("reason"), cell: (each) => each.reason },
    { label: t("by"), cell: (each) => each.createdBy },
    { label: t("created"), cell: (each) => time(each.createdAt) },
  ], entries);
}

export async function orders({ params, signal }) {
  const asked = Object.fromEntries(params);
  const page = await call(`orders?${query({ ...asked, limit: listed })}`, { signal });
  const statuses = ["", "PENDING", "PAID", "CANCELLED", "REFUNDED"];
  return {
    title: t("orders"),
    content: [
      filterForm("#/orders", [
        field(t("reference"), "reference", asked.reference, { maxlength: 64 }),
        field(t("user.id"), "userId", asked.userId, { inputmode: "numeric", pattern: "[1-9][0-9]*" }),
        field(t("status"), "status", asked.status, {}, statuses.map((each) => [each, each ? t(`state.${each}`) : t("any")])),
        field(t("from"), "createdFrom", localTime(asked.createdFrom), { type: "datetime-local" }),
        field(t("to"), "createdTo", localTime(asked.createdTo), { type: "datetime-local" }),
      ], ["createdFrom", "createdTo"]),
      orderTable(page.items), nextPage(page, "#/orders", params),
    ],
  };
}

function factsOf(order) {
  return facts([
    [t("status"), badge(order.status)],
    [t("reference"), order.reference],
    [t("user.id"), link(pageOf("users", order.userId), String(order.userId))],
    [t("total"), won(order.totalAmount)],
    [t("discount"), won(order.discountAmount)],
    [t("final"), won(order.finalAmount)],
    [t("refunded"), won(order.refundedAmount)],
    [t("coupon"), order.couponId === null ? null : String(order.couponId)],
    [t("created"), time(order.createdAt)],
    [t("updated"), time(order.updatedAt)],
  ]);
}

export async function order({ id, signal }) {
  const own = encodeURIComponent(id);
  const [one, entries, messages] = await Promise.all([
    call(`orders/${own}`, { signal }),
    call(`orders/${own}/entries?limit=${listed}`, { signal }),
    call(`notifications?${query({ orderId: id, limit: messagesShown })}`, { signal }),
  ]);
  // The list leaves the tries out. A message that is gone since then is shown as the list had it.
  const whole = await Promise.all(messages.items.map((each) =>
    call(`notifications/${encodeURIComponent(each.id)}`, { signal }).catch((problem) => {
      if (problem.status !== 404) throw problem;
      return each;
    })));
  return {
    title: t("order", { id: String(one.id) }),
    content: [
      factsOf(one),
      make("h2", {}, t("notifications")),
      whole.length === 0 ? make("p", { class: "muted" }, t("notifications.none"))
        : whole.map((each) => notificationPanel(each, signal)),
      messages.hasMore ? make("p", {}, link(`#/notifications?${query({ orderId: id })}`, t("all.of"))) : null,
      make("h2", {}, t("entries")), entryTable(entries.items), nextEntries(entries, id),
      metadataOf(one),
    ],
  };
}

function nextEntries(page, id) {
  return page.hasMore ? make("p", {}, link(`${pageOf("orders", id, "entries")}?${query({ cursor: page.nextCursor })}`, t("next.page"))) : null;
}

export async function orderEntries({ id, params, signal }) {
  const here = pageOf("orders", id, "entries");
  const page = await call(`orders/${encodeURIComponent(id)}/entries?${query({ cursor: params.get("cursor"), limit: listed })}`, { signal });
  return {
    title: `${t("order", { id })}: ${t("entries")}`,
    content: [make("p", {}, link(pageOf("orders", id), t("order", { id }))), entryTable(page.items), nextPage(page, here, params)],
  };
}
