/** Who may cause turns, through the real server and the native part, and what hosts' audits hear of it. */
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { accessSettings } from "../../../src/shim/channel/access.js";
import { plugin } from "../../../src/shim/plugin.js";
import { startAccount } from "../support.mjs";

const LIMIT = 30_000;
const SECTION = { parall_url: "https://parall.example", api_key: "key", org_id: "org_1" };

const told = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id === "usr_agent");

test("a member who is not listed gets no turn by message, group or task, and reads one line", async (t) => {
  const { parall, seed, turns, until, logs } = await startAccount(t, {
    options: { accessSettings: { allowFrom: ["usr_ada"] } },
  });
  for (const text of ["Hello", "/status", "/new"]) parall.say({ from: "usr_ben", chat: seed.direct.ben, text });
  const group = parall.addChat({ type: "group", members: ["usr_ada", "usr_ben", "usr_agent"] }).id;
  parall.say({ from: "usr_ben", chat: group, text: "and here?", mentions: ["usr_agent"] });
  parall.assignTask({ from: "usr_ben", to: "usr_agent", title: "Plan" });
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await until((now) => now.refused === 5);
  await parall.waitFor(() => parall.world.openDispatches("usr_agent").size === 0 || undefined, LIMIT, "the end of the queue");
  assert.deepEqual(
    turns.map((turn) => turn.senderId),
    ["usr_ada"],
  );
  const lines = await parall.waitFor(
    () => (told(parall, seed.direct.ben).length > 0 ? told(parall, seed.direct.ben) : undefined),
    LIMIT,
    "a line",
  );
  assert.equal(lines.length, 1);
  assert.match(lines[0].content.text, /I do not take messages from you here/);
  assert.equal(lines[0].hints.no_reply, true);
  assert.deepEqual(told(parall, group), []);
  assert.equal(logs.filter((line) => line.includes("usr_ben may not cause turns")).length, 1);
});

test("a chat gives each sender so many turns in an hour", async (t) => {
  const { parall, seed, turns, until } = await startAccount(t, {
    options: { accessSettings: { access: { chats: { cht_Ada: { turns: 1 } } } } },
  });
  assert.equal(seed.direct.ada, "cht_Ada");
  for (const text of ["one", "two"]) parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  const { lastRefused } = await until((now) => now.refused === 1);
  assert.equal(lastRefused, "usr_ada has had 1 turns in an hour in direct chats");
  assert.deepEqual(
    turns.map((turn) => turn.rawText),
    ["one"],
  );
});

test("what is not clear keeps the account from starting, with a sentence that names the setting", async (t) => {
  for (const [settings, said] of [
    [{ allowFrom: ["Ada"] }, /channels\.parall\.allowFrom\[0\]: "Ada" is no id/],
    [{ dmPolicy: "pairing" }, /channels\.parall\.dmPolicy: there is no pairing/],
    [{ access: { chats: { cht_1: { turns: 1.5 } } } }, /access\.chats\.cht_1\.turns has to be a whole number/],
    [JSON.parse('{ "access": { "__proto__": { "agents": "org" } } }'), /channels\.parall\.access\.__proto__ is not known/],
  ]) {
    await assert.rejects(startAccount(t, { options: { accessSettings: settings } }), (error) => {
      assert.equal(error.code, "PARALL_ACCESS");
      assert.match(error.message, said);
      return true;
    });
  }
});

describe("what an audit hears", () => {
  const audit = (settings) => {
    const cfg = { channels: { parall: { ...SECTION, ...settings } } };
    const place = { cfg, accountId: "default", account: plugin.config.resolveAccount(cfg) };
    const { resolveDmPolicy, collectWarnings, collectAuditFindings } = plugin.security;
    const policy = resolveDmPolicy(place);
    return {
      policy: policy && [policy.policy, policy.allowFrom],
      warnings: collectWarnings(place),
      findings: collectAuditFindings(place).map(({ severity }) => severity),
    };
  };

  it("is what holds", () => {
    for (const [settings, policy, findings] of [
      [{}, null, ["info"]],
      [{ dmPolicy: "org" }, null, ["info"]],
      [{ allowFrom: ["prll://usr_ben", "usr_ada"] }, ["allowlist", ["usr_ada", "usr_ben"]], []],
      [{ dmPolicy: "disabled" }, ["disabled", []], []],
      [{ allowFrom: ["*"] }, ["open", ["*"]], ["info"]],
      [{ groupPolicy: "disabled" }, null, ["info"]],
    ]) {
      assert.deepEqual(audit(settings), { policy, warnings: [], findings }, JSON.stringify(settings));
    }
  });

  it("names what keeps the account from starting, and nothing else then", () => {
    const { policy, warnings, findings } = audit({ dmPolicy: "pairing" });
    assert.deepEqual([policy, findings], [null, []]);
    assert.match(warnings[0], /does not start: channels\.parall\.dmPolicy/);
  });

  it("knows that all direct chats are in one session", () => {
    const { resolveDmRoute } = plugin.security.dmRouting;
    const route = { agentId: "main", sessionKey: "agent:main:parall:direct:usr_ada", dmScope: "per-peer" };
    const keys = ["usr_ada", "usr_ben"].map((principalId) => resolveDmRoute({ accountId: "default", principalId, route }).sessionKey);
    assert.equal(new Set(keys).size, 1);
  });

  it("is nothing about a section without such settings", () => {
    assert.equal(accessSettings({ ...SECTION, allowFrom: null }), undefined);
  });
});
