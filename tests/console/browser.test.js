// Goal: an operator finds out in the console why an order's message did not arrive and sends it again,
// by the keyboard alone, on a narrow page, in the dark, in Korean and in English; no text of the
// database becomes HTML; nothing is loaded from elsewhere. Method: Chromium without a window, a
// paymentd with API keys, and a message API that refuses a number on demand. PAYMENTD, FAKE_ALIMTALK
// and CHROMIUM name the programs; without them it is skipped. SCREENSHOTS names a folder for pictures.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { startAll } from "./server.js";

const { PAYMENTD: paymentd, FAKE_ALIMTALK: fakeAlimtalk, CHROMIUM: chromium, SCREENSHOTS: pictures } = process.env;
const skip = !(paymentd && fakeAlimtalk && chromium);
const badNumber = "01000000003"; // of the third user
const evil = '<img src=x onerror="document.title=1">';

let server;
let browser;
let order; // of the user with the bad number
const faults = []; // errors of a page, and requests to elsewhere

before(async () => {
  if (skip) return;
  if (pictures) mkdirSync(pictures, { recursive: true });
  server = await startAll(paymentd, fakeAlimtalk);
  await server.messageApi({ poisonNumbers: [badNumber] });
  order = await server.call("POST", "orders", { userId: 3, totalAmount: 12000, discountAmount: 2000, reference: "A-4711", metadata: { title: evil }, pay: true });
  // Chromium's own sandbox needs rights that root in a container has not; the pages are ours alone.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await puppeteer.launch({ executablePath: chromium, args: [...args, "--disable-gpu", "--disable-dev-shm-usage"] });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function openPage({ language = "en-GB", width = 1100, scheme = "light" } = {}) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.emulateTimezone("Asia/Seoul");
  const protocol = await page.createCDPSession();
  await protocol.send("Network.setUserAgentOverride", { userAgent: await browser.userAgent(), acceptLanguage: language });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    // A refusal that the page handles has such a line, too.
    const isAnswer = message.text().startsWith("Failed to load resource: the server responded");
    if (["error", "warn"].includes(message.type()) && !isAnswer) faults.push(`${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    // Chromium's own picture in a field for a time has its bytes in its address.
    const isHere = request.url().startsWith(`${new URL(server.console).origin}/`) || request.url().startsWith("data:");
    if (!isHere) faults.push(`asks ${request.url()}`);
  });
  return page;
}

const text = (page, selector = "body") => page.$eval(selector, (element) => element.innerText);
const title = (page, wanted) => page.waitForFunction((text) => document.querySelector("h1")?.textContent === text, {}, wanted);
const shows = (page, wanted, selector = "body") =>
  page.waitForFunction((text, where) => document.querySelector(where)?.innerText.includes(text), {}, wanted, selector);
const picture = (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.webp`), type: "webp", quality: 80 });

/** Tab until the element that fits has the focus, as somebody without a mouse does. */
async function tabTo(page, selector) {
  for (let n = 0; n < 100; ++n) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`no Tab leads to ${selector}`);
}

async function signIn(page) {
  await page.waitForSelector("dialog[open] input[type=password]");
  await page.type("dialog input[type=password]", server.keys.console);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => !document.querySelector("dialog"));
}

async function signedIn(options, hash) {
  const page = await openPage(options);
  await page.goto(`${server.console}/#/orders`);
  await signIn(page);
  await page.goto(`${server.console}/${hash}`);
  return page;
}

test("the overview needs no key, shows payments and each subscriber, and goes on by itself", { skip }, async () => {
  const page = await openPage({ scheme: "dark" });
  await page.goto(server.console); // leads to /console/
  await title(page, "Overview");
  await shows(page, "alimtalk");
  await shows(page, "running");
  assert.match(await text(page, ".tiles"), /Settlement\s+ok/);
  // One order of the seed for each user but the third: order 1 is the second user's, and so on.
  for (const orderId of [1, 3, 4, 5, 6, 7, 8, 9, 10]) await server.call("POST", "payments", { orderId, userId: 1 + (orderId % 10) });
  await page.waitForFunction(() => /Payments a second\s+[0-9.]*[1-9]/.test(document.querySelector(".tiles")?.innerText));
  assert.match(await text(page, ".tiles"), /99 % of payments within\s+[0-9.,]+ ms/);
  await page.waitForSelector(".chart");
  await page.focus("tbody a");
  const first = await page.$eval(".chart polyline", (line) => line.getAttribute("points"));
  await page.waitForFunction((before) => document.querySelector(".chart polyline").getAttribute("points") !== before, {}, first);
  assert.ok(await page.evaluate(() => document.activeElement.matches("tbody a")), "new figures take nobody's place away");
});

test("the last audit is shown once there was one, to those who have a key", { skip }, async () => {
  const page = await openPage();
  await page.goto(`${server.console}/`);
  await shows(page, "An API key with the scope operate shows the last audit.");
  const keyed = await signedIn({ scheme: "dark" }, "#/overview");
  await title(keyed, "Overview");
  await shows(keyed, "There was no audit yet.");
  server.audit();
  await shows(keyed, "clean", ".facts"); // by itself
  assert.match(await text(keyed, ".facts"), /ledger entries/);
  await keyed.waitForSelector(".chart");
  await picture(keyed, "console-overview");
});

test("a key is asked for, and a wrong one again", { skip }, async () => {
  const page = await openPage();
  await page.goto(`${server.console}/#/orders`);
  await page.waitForSelector("dialog[open]");
  await page.type("dialog input[type=password]", "pmd_wrong");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("main")?.innerText.includes("There is no such API key."));
  await signIn(page);
  await title(page, "Orders");
  await shows(page, "A-4711");
  assert.equal((await page.cookies()).length, 0);
});

test("an operator finds out why a message did not arrive and sends it again, without a mouse", { skip }, async () => {
  const page = await signedIn({}, "#/overview");
  await title(page, "Overview");
  await tabTo(page, "#query");
  await page.keyboard.type("A-4711");
  await picture(page, "console-search");
  await page.keyboard.press("Enter");
  await title(page, `Order ${order.id}`);
  await shows(page, "FAILED");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1"); // where reading goes on
  assert.match(await text(page, "section"), /refused for good/);
  assert.match(await text(page, "section"), /-5000/); // the provider's words
  assert.match(await text(page, "section table"), /PERMANENT/);
  await picture(page, "console-reason");
  await server.messageApi({});
  await tabTo(page, "section button");
  await page.keyboard.press("Enter");
  await shows(page, "DELIVERED", "section");
  assert.ok(await page.evaluate(() => document.querySelector("section").contains(document.activeElement)));
  await picture(page, "console-sent");
});

test("texts of the database are shown as texts, and a phone is masked", { skip }, async () => {
  const page = await signedIn({}, `#/orders/${order.id}`);
  await title(page, `Order ${order.id}`);
  await shows(page, evil);
  assert.equal(await page.$("main img"), null);
  await page.goto(`${server.console}/#/users/3`);
  await title(page, "User 3");
  await shows(page, "010****0003");
  assert.ok(!(await page.content()).includes(badNumber));
  await page.goto(`${server.console}/#/users?phone=${badNumber}`);
  await shows(page, "010****0003");
});

test("all messages that a filter finds are sent again", { skip }, async () => {
  await server.messageApi({ poisonNumbers: [badNumber] });
  for (let n = 0; n < 25; ++n) await server.call("POST", "orders", { userId: 3, totalAmount: 100, pay: true });
  const failed = async () => (await server.call("GET", "notifications?status=FAILED&limit=100")).items.length;
  for (let n = 0; n < 100 && (await failed()) < 25; ++n) await new Promise((done) => setTimeout(done, 100));
  await server.messageApi({});
  const page = await signedIn({}, "#/notifications?status=FAILED&subscriber=alimtalk");
  await title(page, "Failed messages");
  await shows(page, "Next page");
  const [row] = await page.$$("td button");
  await row.click();
  await shows(page, "PENDING", "tbody");
  await picture(page, "console-failed");
  await (await page.$("main > .actions button")).click();
  await page.waitForSelector("dialog[open]");
  assert.match(await text(page, "dialog"), /subscriber = alimtalk/);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
  await page.click("dialog button.primary");
  await shows(page, "24 are due again, 0 were no longer FAILED, 0 were refused. Done.");
});

test("a webhook is tested, paused and resumed", { skip }, async () => {
  await server.call("POST", "webhooks", { name: "shop", url: server.hookUrl }, server.keys.console);
  const page = await signedIn({}, "#/webhooks");
  await title(page, "Webhooks");
  const press = (label) => page.click(`button[aria-label="${label}"]`);
  await press("Test: shop");
  await shows(page, "shop took the test in", "#status");
  await press("Pause: shop");
  await page.click("dialog button.primary");
  await shows(page, "paused", "section");
  assert.equal((await server.call("GET", "webhooks/shop", undefined, server.keys.console)).enabled, false);
  await press("Resume: shop");
  await page.waitForSelector('button[aria-label="Pause: shop"]');
  await press("Replay…: shop");
  await page.waitForSelector("dialog[open] input[type=datetime-local]");
  await page.keyboard.press("Escape"); // nothing is done
  await page.waitForFunction(() => !document.querySelector("dialog"));
});

const everyPage = () => ["#/overview", "#/orders", `#/orders/${order.id}`, "#/notifications?status=DELIVERED", "#/users", "#/users/3", "#/webhooks", "#/search?q=nothing"];

/** Texts whose colour is too near to that of what they stand on (WCAG 2.2, 1.4.3: 4.5 to 1). */
function pale() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => numbers(color).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((all, part, at) => all + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (numbers(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((element) => {
      const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    })
    .map((element) => element.outerHTML.slice(0, 100));
}

for (const scheme of ["light", "dark"])
  test(`each page fits 360 px, and its texts are seen, in the ${scheme}`, { skip }, async () => {
    const page = await signedIn({ width: 360, scheme, language: "ko-KR" }, "#/overview");
    for (const hash of everyPage()) {
      await page.goto(`${server.console}/${hash}`);
      await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("main[aria-busy]"));
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(beyond <= 0, `${hash} is ${beyond} px too wide`);
      assert.equal(await page.$$eval(".scroll", (all) => all.filter((each) => each.scrollWidth > each.clientWidth).length), 0, hash);
      assert.deepEqual(await page.evaluate(pale), [], hash);
      if (hash === `#/orders/${order.id}` && scheme === "dark") await picture(page, "console-narrow");
    }
  });

test("all that can be used has a name", { skip }, async () => {
  const page = await signedIn({}, "#/overview");
  for (const hash of everyPage()) {
    await page.goto(`${server.console}/${hash}`);
    await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("main[aria-busy]"));
    const { children } = await page.accessibility.snapshot();
    const nameless = children.filter(({ role, name }) => ["button", "link", "textbox", "searchbox", "combobox", "heading"].includes(role) && !name);
    assert.deepEqual(nameless, [], hash);
    assert.equal(await page.$$eval("h1", (all) => all.length), 1);
  }
});

test("the language is the browser's, until the switch is used", { skip }, async () => {
  const page = await openPage({ language: "ko-KR" });
  await page.goto(`${server.console}/`);
  await title(page, "현황");
  assert.equal(await page.$eval("html", (root) => root.lang), "ko");
  await picture(page, "console-korean");
  await page.click("#language");
  await title(page, "Overview");
  await page.reload();
  await title(page, "Overview");
  assert.equal(await page.$eval("html", (root) => root.lang), "en");
});

test("no page made an error or asked anybody else", { skip }, () => {
  assert.deepEqual(faults, []);
});

test("a server that is gone is told, and the page stays", { skip }, async () => {
  const page = await openPage();
  await page.goto(`${server.console}/`);
  await shows(page, "alimtalk");
  await server.stopServer();
  await shows(page, "No figures since");
  await shows(page, "alimtalk");
});
