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
    const reason = unconfiguredReason({ channels: { parall: { parall_url: "https://parall.example" } } }, {});
    assert.match(reason, /channels\.parall\.api_key is missing \(or set PRLL_API_KEY\)/);
    assert.match(reason, /channels\.parall\.org_id/);
    assert.doesNotMatch(reason, /parall_url/);
  });

  it("name an unresolved reference, never its object", () => {
    const section = { parall_url: "https://parall.example", org_id: "org_1", api_key: { source: "env", id: "MY_KEY" } };
    assert.match(unconfiguredReason({ channels: { parall: section } }, {}), /refers to the environment variable MY_KEY/);
    section.api_key = { source: "exec", id: "get-key" };
    assert.match(unconfiguredReason({ channels: { parall: section } }, {}), /the host did not resolve/);
  });

  it("tell where the key came from", () => {
    assert.equal(settingSource({ channels: { parall: { api_key: "agk_1" } } }, "api_key", {}), "config");
    assert.equal(settingSource({ channels: { parall: {} } }, "api_key", { PRLL_API_KEY: "agk_1" }), "env");
    assert.equal(settingSource({ channels: { parall: {} } }, "api_key", {}), "missing");
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
