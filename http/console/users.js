// Users: the list, and one with its orders and its ledger entries. Phones come masked.
import { call, query } from "./api.js";
import { facts, field, filterForm, link, make, metadataOf, nextPage, pageOf, table, time, won } from "./dom.js";
import { entryTable, orderTable } from "./orders.js";
import { t } from "./text.js";

const listed = 20;

export function userTable(users) {
  return table(t("users"), [
    { label: t("user.id"), cell: (each) => link(pageOf("users", each.id), String(each.id)) },
    { label: t("reference"), cell: (each) => each.reference },
    { label: t("phone"), cell: (each) => each.phone },
    { label: t("balance"), number: true, cell: (each) => won(each.balance) },
    { label: t("created"), cell: (each) => time(each.createdAt) },
  ], users);
}

export async function users({ params, signal }) {
  const asked = Object.fromEntries(params);
  const page = await call(`users?${query({ ...asked, limit: listed })}`, { signal });
  return {
    title: t("users"),
    content: [
      filterForm("#/users", [
        field(t("reference"), "reference", asked.reference, { maxlength: 64 }),
        field(t("phone"), "phone", asked.phone, { inputmode: "tel", maxlength: 40 }),
      ]),
      userTable(page.items), nextPage(page, "#/users", params),
    ],
  };
}

export async function user({ id, signal }) {
  const own = encodeURIComponent(id);
  const [one, orders, entries] = await Promise.all([
    call(`users/${own}`, { signal }),
    call(`orders?${query({ userId: id, limit: listed })}`, { signal }),
    call(`users/${own}/entries?limit=${listed}`, { signal }),
  ]);
  return {
    title: t("user", { id: String(one.id) }),
    content: [
      facts([
        [t("reference"), one.reference],
        [t("phone"), one.phone],
        [t("balance"), won(one.balance)],
        [t("created"), time(one.createdAt)],
        [t("updated"), time(one.updatedAt)],
      ]),
      make("h2", {}, t("orders")), orderTable(orders.items),
      orders.hasMore ? make("p", {}, link(`#/orders?${query({ userId: id, cursor: orders.nextCursor })}`, t("next.page"))) : null,
      make("h2", {}, t("entries")), entryTable(entries.items),
      entries.hasMore ? make("p", {}, link(`${pageOf("users", id, "entries")}?${query({ cursor: entries.nextCursor })}`, t("next.page"))) : null,
      metadataOf(one),
    ],
  };
}

export async function userEntries({ id, params, signal }) {
  const here = pageOf("users", id, "entries");
  const page = await call(`users/${encodeURIComponent(id)}/entries?${query({ cursor: params.get("cursor"), limit: listed })}`, { signal });
  return {
    title: `${t("user", { id })}: ${t("entries")}`,
    content: [make("p", {}, link(pageOf("users", id), t("user", { id }))), entryTable(page.items), nextPage(page, here, params)],
  };
}
