// Search: a text is looked for as a reference, and as an id, a message's id or a phone where it can
// be one. A single thing that is found is shown at once.
import { call, query } from "./api.js";
import { link, make, pageOf } from "./dom.js";
import { orderTable } from "./orders.js";
import { t } from "./text.js";
import { userTable } from "./users.js";

const listed = 10;

/** Nothing instead of "not found", and of "cannot be one": other faults are told. */
async function found(asked) {
  try {
    return await asked;
  } catch (problem) {
    if (problem.status === 404 || problem.status === 400) return null;
    throw problem;
  }
}

async function one(path, signal) {
  const thing = await found(call(path, { signal }));
  return thing ? [thing] : [];
}

async function listOf(path, filter, signal) {
  const page = await found(call(`${path}?${query({ ...filter, limit: listed })}`, { signal }));
  return page?.items ?? [];
}

function byId(lists) {
  return [...new Map(lists.flat().map((each) => [each.id, each])).values()];
}

export async function search({ params, signal }) {
  const text = (params.get("q") ?? "").trim();
  const isReference = /^[!-~]{1,64}$/.test(text);
  const isId = /^[1-9][0-9]{0,15}$/.test(text);
  const isMessage = /^[a-z0-9_-]+-[1-9][0-9]{0,15}$/.test(text);
  const isPhone = /^(01|\+82)[0-9 -]{8,18}$/.test(text);
  const nothing = Promise.resolve([]);
  const [ordersByReference, usersByReference, orderById, userById, messages, usersByPhone] = await Promise.all([
    isReference ? listOf("orders", { reference: text }, signal) : nothing,
    isReference ? listOf("users", { reference: text }, signal) : nothing,
    isId ? one(`orders/${text}`, signal) : nothing,
    isId ? one(`users/${text}`, signal) : nothing,
    isMessage ? one(`notifications/${text}`, signal) : nothing,
    isPhone ? listOf("users", { phone: text }, signal) : nothing,
  ]);
  const orders = byId([ordersByReference, orderById]);
  const users = byId([usersByReference, userById, usersByPhone]);
  const pages = [
    ...orders.map(({ id }) => pageOf("orders", id)),
    ...users.map(({ id }) => pageOf("users", id)),
    ...messages.map(({ id }) => pageOf("notifications", id)),
  ];
  if (pages.length === 1) return { instead: pages[0] };
  return {
    title: t("search.for", { text }),
    content: pages.length === 0 ? [make("p", {}, t("search.nothing"))] : [
      orders.length ? [make("h2", {}, t("orders")), orderTable(orders)] : [],
      users.length ? [make("h2", {}, t("users")), userTable(users)] : [],
      messages.length ? [make("h2", {}, t("notifications")), messages.map(({ id }) => make("p", {}, link(pageOf("notifications", id), id)))] : [],
    ],
  };
}
