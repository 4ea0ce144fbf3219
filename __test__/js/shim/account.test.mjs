import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { listAccountIds, resolveAccount, settingSource, unconfiguredReason } from "../../../src/shim/channel/account.js";
import { listParallAccountIds, resolveParallAccount } from "../../../src/shim/native.js";

const cases = JSON.parse(readFileSync(new URL("../fixtures/accounts.json", import.meta.url), "utf8"));

describe("accounts resolved without the native part", () => {
  for (const { name, cfg, env, accountId, ids, resolved } of cases) {
    it(name, () => {
      assert.deepEqual(listAccountIds(cfg), ids);
      assert.deepEqual(resolveAccount(cfg, accountId, env), resolved);
    });
  }

  it("leave the configuration as it was", () => {
    const section = Object.freeze({ parall_url: " https://parall.example ", api_key: Object.freeze({ source: "env", id: "KEY" }) });
    const cfg = Object.freeze({ channels: Object.freeze({ parall: section }) });
    resolveAccount(cfg, "default", { KEY: "agk_1" });
    assert.equal(cfg.channels.parall.parall_url, " https://parall.example ");
  });

  it("say in words what is missing, by setting and variable", () => {
    const reason = unconfiguredReason({ channels: { parall: { parall_url: "https://parall.example" } } }, undefined, {});
    assert.match(reason, /channels\.parall\.api_key is missing \(or set PRLL_API_KEY\)/);
    assert.match(reason, /channels\.parall\.org_id/);
    assert.doesNotMatch(reason, /parall_url/);
  });

  it("name an unresolved reference, never its object", () => {
    const section = { parall_url: "https://parall.example", org_id: "org_1", api_key: { source: "env", id: "MY_KEY" } };
    assert.match(unconfiguredReason({ channels: { parall: section } }, undefined, {}), /refers to the environment variable MY_KEY/);
    section.api_key = { source: "exec", id: "get-key" };
    assert.match(unconfiguredReason({ channels: { parall: section } }, undefined, {}), /the host did not resolve/);
  });

  it("say in one sentence why an account is none, whatever its id is", () => {
    const base = { parall_url: "https://parall.example", org_id: "org_1" };
    const reason = (section, id) => unconfiguredReason({ channels: { parall: { ...base, ...section } } }, id, {});
    for (const [section, id, said] of [
      [{ accounts: [] }, "default", /^channels\.parall\.accounts has to be an object/],
      [{ accounts: { work: 1 } }, "work", /^channels\.parall\.accounts\.work has to be an object/],
      [{ accounts: { Work: { api_key: "a" } } }, "work", /^channels\.parall\.accounts\."Work": an account id is up to 64 small letters/],
      [{ accounts: { "a/b\u001b[2J": { api_key: "a" } } }, "a-b-2j", /^channels\.parall\.accounts\."a\/b \[2J": an account id is/],
      [JSON.parse('{ "accounts": { "__proto__": { "api_key": "a" } } }'), "invalid-proto", /accounts\."__proto__": an account id is/],
      [{ accounts: { work: { api_key: "a" }, "work ": { api_key: "b" } } }, "work", /is the same account as another one/],
      [{ accounts: { a: { api_key: "k" }, b: { api_key: "k" } } }, "b", /^the accounts "a" and "b" have the same key/],
      [{ accounts: { a: { api_key: "k" }, b: {} } }, "b", /^channels\.parall\.accounts\.b\.api_key is missing\.$/],
      [{ accounts: { a: { api_key: "k" } } }, "c", /^there is no account "c"/],
    ]) {
      const text = reason(section, id);
      assert.match(text, said);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
      assert.doesNotMatch(text, /[\u0000-\u001f]/);
    }
    assert.equal(reason({ accounts: { a: { api_key: "k" }, b: { api_key: "k" } } }, "a"), undefined);
    assert.equal(Object.prototype.api_key, undefined);
  });

  it("are many without a crash", () => {
    const accounts = Object.fromEntries(Array.from({ length: 1000 }, (_, number) => [`a${number}`, { api_key: `k${number}` }]));
    const cfg = { channels: { parall: { parall_url: "https://parall.example", org_id: "org_1", accounts } } };
    assert.equal(listAccountIds(cfg).length, 1000);
    assert.equal(resolveAccount(cfg, "a999", {}).configured, true);
  });

  it("tell where the key came from", () => {
    assert.equal(settingSource({ channels: { parall: { api_key: "agk_1" } } }, "api_key", undefined, {}), "config");
    assert.equal(settingSource({ channels: { parall: {} } }, "api_key", undefined, { PRLL_API_KEY: "agk_1" }), "env");
    assert.equal(settingSource({ channels: { parall: {} } }, "api_key", undefined, {}), "missing");
  });
});

describe("accounts resolved by the native part", () => {
  const variables = ["PRLL_API_URL", "PRLL_API_KEY", "PRLL_ORG_ID", "PRLL_WS_URL"];
  for (const { name, cfg, env = {}, accountId, ids, resolved } of cases) {
    it(name, () => {
      const before = { ...process.env };
      for (const variable of variables) delete process.env[variable];
      Object.assign(process.env, env);
      try {
        assert.deepEqual(listParallAccountIds(cfg), ids);
        assert.deepEqual(resolveParallAccount({ cfg, accountId: accountId ?? undefined }), resolved);
      } finally {
        for (const variable of [...variables, ...Object.keys(env)]) delete process.env[variable];
        Object.assign(process.env, before);
      }
    });
  }
});
