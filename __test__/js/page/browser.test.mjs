/** The page in a real browser: what it shows of hostile and of many values, that it is live, and that everybody can use it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { accessibilityFindings, keepPicture, openTab, startBrowser } from "../../browser.mjs";
import { pretendAccount, startPage, TOKEN } from "./page-server.mjs";

const HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">';
const TURNED = "\u202egnp.exe\u2066 \u0000\u001b[31m";
const LONG = "x".repeat(10_000);
const NOW = Date.now();

const entry = (id, change = {}) => ({
  id,
  state: "claimed",
  sourceId: `msg_${id}`,
  target: "cht_launch",
  senderId: "usr_ada",
  attempts: 1,
  cause: null,
  claimedAt: NOW - 90_000,
  changedAt: NOW - 30_000,
  nextTryAt: null,
  ...change,
});

/** What an account with some of everything shows. */
function busy(change = {}) {
  return {
    live: {
      agentId: "usr_agent",
      status: { connected: true, reconnectAttempts: 0, blocked: null },
      problems: ["given up and not answered: dsp_9: the model is gone"],
      activity: {
        turns: 1234,
        failed: 5,
        waits: [],
        minutes: Array.from({ length: 30 }, (_, minute) => ({
          at: NOW - (NOW % 60_000) - minute * 120_000,
          turns: (minute * 7) % 11,
          longestWait: minute * 900,
        })),
      },
      agentTurns: 8,
    },
    lanes: [
      { sessionKey: "agent:main:parall:default-usr_agent", isFork: false, since: NOW - 61_000, events: [entry("dsp_1"), entry("dsp_2")] },
      {
        sessionKey: "agent:main:parall:default-usr_agent:fork:1",
        isFork: true,
        since: NOW - 5000,
        events: [entry("dsp_3", { attempts: 2 })],
      },
    ],
    queue: {
      waiting: 10_000,
      running: 3,
      finishing: 1,
      dead: 1000,
      oldestPendingAt: NOW - 90_000,
      events: { items: [entry("dsp_4")], more: 9999 },
    },
    deadLetters: { items: [entry("dsp_9", { state: "dead", cause: "the model is gone", attempts: 5 })], more: 999 },
    forks: {
      items: [{ sessionKey: "agent:main:parall:default-usr_agent:fork:1", target: "cht_launch", state: "running", createdAt: NOW - 5000 }],
      more: 0,
    },
    loops: { agents: [{ id: "usr_bot", turns: 7, freesAt: NOW + 600_000 }], moreAgents: 0, chats: [], moreChats: 0 },
    journalBytes: 4096,
    ...change,
  };
}

describe("the page in a browser", () => {
  let browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser?.close());

  async function open(t, look) {
    const page = await startPage(t);
    const { tab, errors } = await openTab(browser, look);
    await tab.goto(`${page.url}/parall`);
    return { ...page, tab, errors };
  }

  async function signIn(tab, token = TOKEN) {
    await tab.waitForSelector("#token", { visible: true });
    await tab.type("#token", token);
    await tab.keyboard.press("Enter");
  }

  // biome-ignore lint/performance/useDomNodeTextContent: what is hidden does not count
  const text = (tab) => tab.evaluate(() => document.body.innerText);
  const shows = (tab, words) =>
    // biome-ignore lint/performance/useDomNodeTextContent: what is hidden does not count
    tab.waitForFunction((all) => all.every((one) => document.body.innerText.includes(one)), {}, words);
  const isTooWide = (tab) => tab.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  const press = (tab, label) => tab.click(`button[aria-label="${label}"]`);

  test("asks for the token, says when it is wrong, and keeps it in this tab alone", async (t) => {
    pretendAccount("default", busy());
    const { tab, url } = await open(t);
    await signIn(tab, "wrong");
    await shows(tab, ["The gateway does not know this token."]);
    assert.equal(await tab.evaluate(() => sessionStorage.length), 0);
    await signIn(tab);
    await shows(tab, ["Live", "Account default"]);
    assert.deepEqual(await tab.evaluate(() => [localStorage.length, document.cookie]), [0, ""]);
    await tab.reload();
    await shows(tab, ["Live", "Account default"]);
    const other = await tab.browserContext().newPage();
    await other.goto(`${url}/parall`);
    await other.waitForSelector("#token", { visible: true });
    await other.close();
    await tab.click("#leave");
    await tab.waitForSelector("#token", { visible: true });
    assert.doesNotMatch(await text(tab), /Account default/);
    assert.equal(await tab.evaluate(() => sessionStorage.length), 0);
  });

  for (const [name, look] of [
    ["light", {}],
    ["dark", { theme: "dark" }],
    ["phone", { width: 360, height: 740 }],
    ["phone-dark", { width: 360, height: 740, theme: "dark" }],
  ]) {
    test(`can be used by everybody: ${name}`, async (t) => {
      pretendAccount("default", busy());
      pretendAccount("work", { error: "the journal is gone" });
      const { tab, errors } = await open(t, look);
      assert.deepEqual(await accessibilityFindings(tab), []);
      await keepPicture(tab, `${name}-sign-in`);
      await signIn(tab);
      await shows(tab, ["10,000", "and 9,999 more", "the model is gone", "7 of 8 in the last hour", "the journal is gone"]);
      assert.deepEqual(await accessibilityFindings(tab), []);
      await keepPicture(tab, name);
      await press(tab, "Drop dsp_9");
      await tab.waitForSelector("dialog[open]");
      assert.deepEqual(await accessibilityFindings(tab), []);
      await keepPicture(tab, `${name}-question`);
      assert.equal(await isTooWide(tab), false);
      assert.deepEqual(errors, []);
    });
  }

  test("shows hostile values as what they are, and short", async (t) => {
    const values = [HOSTILE, TURNED, LONG];
    const items = values.map((value, place) => entry(`dsp_${place}`, { target: value, senderId: value, sourceId: value, cause: value }));
    const hostile = {
      ...busy({ queue: { ...busy().queue, events: { items, more: 0 } } }),
      deadLetters: { items: values.map((value) => entry(value, { cause: value, attempts: 1 })), more: 0 },
      forks: { items: values.map((value) => ({ sessionKey: value, target: value, state: value, createdAt: NOW })), more: 0 },
      loops: { agents: values.map((id) => ({ id, turns: 1, freesAt: NOW })), moreAgents: 0, chats: [], moreChats: 0 },
    };
    hostile.live.problems = values;
    hostile.live.agentId = HOSTILE;
    for (const name of values) pretendAccount(name, hostile);
    const { tab, errors } = await open(t);
    await signIn(tab);
    await shows(tab, ["Live", "<script>", "[31m"]);
    const seen = await tab.evaluate(() => ({
      title: document.title,
      made: document.querySelectorAll("script:not([src]), img, main [onerror]").length,
      labels: [...document.querySelectorAll("[aria-label]")].map((node) => node.getAttribute("aria-label")).join(),
    }));
    assert.deepEqual([seen.title, seen.made], ["Parall on this gateway", 0]);
    for (const shown of [await text(tab), seen.labels]) {
      assert.doesNotMatch(shown, /[\p{Cf}]/u);
      assert.doesNotMatch(shown, /x{400}/);
    }
    assert.deepEqual(await accessibilityFindings(tab), []);
    assert.equal(await isTooWide(tab), false);
    await keepPicture(tab, "hostile");
    assert.deepEqual(errors, []);
  });

  test("is live: what changes is shown without a reload, and the focus stays where it is", async (t) => {
    const account = pretendAccount("default", busy());
    const { tab, errors } = await open(t);
    await signIn(tab);
    await shows(tab, ["Live", "the model is gone"]);
    await tab.focus('button[aria-label="Retry dsp_9"]');
    account.view = busy({
      deadLetters: { items: [entry("dsp_10", { state: "dead", cause: "a new one" }), ...busy().deadLetters.items], more: 0 },
      lanes: [],
    });
    await shows(tab, ["a new one", "Nothing runs."]);
    assert.equal(await tab.evaluate(() => document.activeElement.getAttribute("aria-label")), "Retry dsp_9");
    assert.deepEqual(errors, []);
  });

  test("does what is decided, after a question that the keyboard can answer", async (t) => {
    const account = pretendAccount("default", busy());
    const { tab, errors } = await open(t);
    await signIn(tab);
    await shows(tab, ["Live"]);
    await press(tab, "Drop dsp_9");
    await tab.waitForSelector("dialog[open]");
    await tab.keyboard.press("Escape");
    await tab.waitForSelector("dialog:not([open])");
    await press(tab, "Drop dsp_9");
    await tab.waitForSelector("dialog[open]");
    assert.equal(await tab.evaluate(() => document.activeElement.textContent), "Cancel");
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("dialog:not([open])");
    assert.deepEqual(account.decided, []);
    for (const [label, said] of [
      ["Retry dsp_9", "dsp_9 is tried again"],
      ["Drop dsp_9", "dsp_9 is dropped"],
      ["Stop dsp_3", "dsp_3 is stopped"],
    ]) {
      await press(tab, label);
      await tab.waitForSelector("dialog[open]");
      await tab.keyboard.press("Tab");
      await tab.keyboard.press("Enter");
      await shows(tab, [said]);
    }
    assert.deepEqual(account.decided, [
      ["retry", "dsp_9"],
      ["drop", "dsp_9"],
      ["stop", "dsp_3"],
    ]);
    assert.deepEqual(errors, []);
  });

  test("says why a decision was not carried out", async (t) => {
    pretendAccount("default", busy(), async () => {
      throw Object.assign(new Error("dsp_9 is acknowledged; only a dead letter can be dropped"), { code: "PARALL_JOURNAL_ORDER" });
    });
    const { tab } = await open(t);
    await signIn(tab);
    await shows(tab, ["Live"]);
    await press(tab, "Drop dsp_9");
    await tab.waitForSelector("dialog[open]");
    await tab.click("#question-yes");
    await shows(tab, ["only a dead letter can be dropped"]);
  });

  test("asks nothing of the gateway while nobody sees it", async (t) => {
    const account = pretendAccount("default", busy());
    const { tab } = await open(t);
    await signIn(tab);
    await shows(tab, ["Live"]);
    const hide = (hidden) =>
      tab.evaluate((value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await hide(true);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const looks = account.looks;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(account.looks, looks);
    account.view = busy({ lanes: [] });
    await hide(false);
    await shows(tab, ["Nothing runs."]);
  });
});
