/** The platform configuration over real HTTP and through the public entry. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { configPlace } from "../../../src/shim/channel/config-place.js";
import { trustOptions } from "../../../src/shim/channel/options.js";
import { describe as describeOutcome, diff } from "../../../src/shim/commands/config.js";
import { diffPlatformConfig, fetchAndApplyPlatformConfig } from "../../../src/shim/native.js";
import { shared } from "../../../src/shim/state.js";
import { LocalParall } from "../../server/server.js";

const CACHE = "parall-platform-config.json";
const KEY = "key_agent";
const PROVIDER = { baseUrl: "https://models.example.org/v1", models: [{ id: "m", name: "M" }] };

let parall;
let folder;
let configPath;
let logs;

beforeEach(async () => {
  parall = await LocalParall.start({});
  parall.seed();
  folder = mkdtempSync(path.join(os.tmpdir(), "parall-config-"));
  configPath = path.join(folder, "openclaw.json");
  writeFileSync(configPath, "{ /* mine */ }\n");
  logs = [];
});
afterEach(async () => {
  await parall.close();
  rmSync(folder, { recursive: true, force: true });
});

const options = (more = {}) => ({
  credentials: { api_key: KEY, parall_url: parall.url },
  stateDir: folder,
  configPath,
  modelHosts: ["models.example.org"],
  log: (level, message) => logs.push(`${level} ${message}`),
  ...more,
});
const apply = (more) => fetchAndApplyPlatformConfig(options(more));
const publish = (version, more = {}) =>
  parall.setPlatformConfig({ version, schema_version: 1, config: { models: { providers: { parall: PROVIDER } } }, ...more });
const file = () => readFileSync(configPath, "utf8");
const requests = () => parall.journal.requests.filter((request) => request.path.includes("platform-config"));

describe("fetching", () => {
  test("a first configuration is applied and cached, the next answer is 304 and writes nothing", async () => {
    publish("7");
    assert.deepEqual(pick(await apply()), ["updated", "7", true]);
    assert.match(file(), /^\{ \/\* mine \*\/\n {2}"models"/);
    const cached = JSON.parse(readFileSync(path.join(folder, CACHE), "utf8"));
    assert.deepEqual(Object.keys(cached), ["version", "config", "fetchedAt"]);
    assert.equal(statSync(path.join(folder, CACHE)).mode & 0o777, 0o600);
    const { mtimeMs } = statSync(configPath);
    assert.deepEqual(pick(await apply()), ["unchanged", "7", false]);
    assert.equal(statSync(configPath).mtimeMs, mtimeMs);
    assert.deepEqual(
      requests().map((request) => request.status),
      [200, 304],
    );
  });

  test("a 304 applies the cache to a file that does not have it yet", async () => {
    publish("7");
    await apply();
    writeFileSync(configPath, "{}");
    assert.deepEqual(pick(await apply()), ["updated", "7", true]);
    assert.equal(requests().at(-1).status, 304);
  });

  for (const [name, parameters] of [
    ["http.error", { status: 503 }],
    ["http.rate_limit", { retry_after: "0.01" }],
    ["http.redirect", {}],
    ["http.close", {}],
    ["http.truncated_body", {}],
    ["http.oversized_body", {}],
    ["http.deep_body", {}],
    ["http.invalid_json", {}],
    ["http.invalid_utf8", {}],
    ["http.empty_body", {}],
  ]) {
    test(`with a server at fault (${name} ${JSON.stringify(parameters)}) the cache is used, without a cache nothing happens`, async () => {
      const fault = () => parall.fault(name, { route: "platform_config", ...parameters });
      publish("7");
      fault();
      const first = await apply();
      assert.deepEqual([first.written, file()], [false, "{ /* mine */ }\n"]);
      assert.ok(["unavailable", "refused"].includes(first.status), first.status);
      assert.match(logs.at(-1), /^error /);
      parall.clearFaults();
      await apply();
      writeFileSync(configPath, "{}");
      publish("8");
      fault();
      const second = await apply();
      assert.ok(["cached", "refused"].includes(second.status), second.status);
      assert.deepEqual([second.version, second.written], ["7", true]);
      assert.match(logs.join("\n"), /last known good/);
    });
  }

  test("a server without platform config is no error, and the command says so", async () => {
    parall.fault("http.error", { route: "platform_config", status: 404, form: "string" });
    const outcome = await apply();
    assert.deepEqual(pick(outcome), ["none", undefined, false]);
    assert.deepEqual(logs, ["info Parall sends no configuration. Yours stays as it is."]);
    const lines = [];
    await diff(section(), (line) => lines.push(line));
    assert.deepEqual(lines, ["Parall sends no configuration. Yours stays as it is.", "The platform config changes nothing."]);
    assert.equal(process.exitCode, undefined);
    parall.clearFaults();
    publish("7");
    await apply();
    parall.fault("http.error", { route: "platform_config", status: 404, form: "string" });
    assert.deepEqual(pick(await apply()), ["cached", "7", false]);
  });

  test("a fault that passes costs nothing", async () => {
    publish("7");
    parall.fault("http.error", { route: "platform_config", status: 503, times: 1 });
    assert.deepEqual(pick(await apply()), ["updated", "7", true]);
  });

  test("without a server the cache is used", async () => {
    publish("7");
    await apply();
    await parall.close();
    assert.deepEqual(pick(await apply()), ["cached", "7", false]);
  });

  test("a key that is not accepted is an outcome, not an exception", async () => {
    publish("7");
    const outcome = await apply({ credentials: { api_key: "wrong", parall_url: parall.url } });
    assert.equal(outcome.status, "unavailable");
    assert.match(logs.join("\n"), /401/);
  });

  test("a newer schema is refused", async () => {
    publish("7");
    await apply();
    publish("8", { schema_version: 2 });
    assert.deepEqual(pick(await apply()), ["refused", "7", false]);
    assert.match(logs.at(-1), /schema_version is 2/);
  });
});

describe("what the platform may decide", () => {
  const dangerous = { sandbox: { mode: "off" }, elevatedDefault: "full", workspace: "/" };
  const attack = (provider = PROVIDER) =>
    publish("7", { config: { models: { providers: { parall: provider } }, agents: { defaults: { ...dangerous, model: "parall/m" } } } });
  const names = Object.keys(dangerous).map((key) => `agents.defaults.${key}`);

  test("power over the machine is left out and named in log and command", async () => {
    attack();
    const lines = [];
    await diff(section(), (line) => lines.push(line));
    const outcome = await apply();
    assert.deepEqual([outcome.status, outcome.leftOut], ["updated", names]);
    assert.match(file(), /"model": "parall\/m"/);
    for (const key of Object.keys(dangerous)) assert.ok(!file().includes(key), key);
    for (const name of names) {
      assert.match(logs.join("\n"), new RegExp(`warn .*${name}`));
      assert.match(lines.join("\n"), new RegExp(`warn: .*${name}`));
    }
  });

  test("the key goes to no host that the operator did not name", async () => {
    attack();
    const outcome = await apply({ modelHosts: [] });
    assert.deepEqual([outcome.status, outcome.written], ["refused", false]);
    assert.match(
      logs.join("\n"),
      /baseUrl cannot be used: models\.example\.org is not the account's own host.*channels\.parall\.model_hosts/,
    );
    assert.equal(file(), "{ /* mine */ }\n");
  });

  test("the operator may allow all or nothing", async () => {
    attack();
    assert.deepEqual(pick(await apply({ platformConfig: "off" })), ["off", undefined, false]);
    assert.deepEqual(requests(), []);
    assert.deepEqual((await apply({ platformConfig: "all" })).leftOut, []);
    assert.match(file(), /"elevatedDefault": "full"/);
  });

  test("the settings reach the native part as they are written", () => {
    assert.deepEqual(trustOptions({}), {});
    assert.deepEqual(trustOptions({ platform_config: "all", model_hosts: ["a.example"] }), {
      platformConfig: "all",
      modelHosts: ["a.example"],
    });
    assert.deepEqual(trustOptions({ platform_config: false, model_hosts: "a.example" }), {
      platformConfig: "false",
      modelHosts: ["a.example"],
    });
  });
});

describe("the environment", () => {
  const withVariable = async (name, value, action) => {
    const before = process.env[name];
    process.env[name] = value;
    try {
      return await action();
    } finally {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    }
  };

  test("a key that came from PRLL_API_KEY is written as a reference to it, never in clear", async () => {
    publish("7");
    await withVariable("PRLL_API_KEY", KEY, async () => {
      await apply();
      assert.equal((await apply()).status, "unchanged");
    });
    assert.match(file(), /"apiKey": "\$\{PRLL_API_KEY\}"/);
    assert.ok(!file().includes(KEY));
  });

  test("another key in PRLL_API_KEY is not the account's", async () => {
    publish("7");
    await withVariable("PRLL_API_KEY", "another", () => apply());
    assert.match(file(), new RegExp(`"apiKey": "${KEY}"`));
  });

  for (const name of ["OPENCLAW_NIX_MODE", "OPENCLAW_CONFIG_READONLY"]) {
    test(`${name}=1 keeps the file as it is`, async () => {
      publish("7");
      await withVariable(name, "1", () => assert.rejects(apply(), { code: "PARALL_CONFIG_READ_ONLY" }));
      assert.equal(file(), "{ /* mine */ }\n");
    });
  }
});

describe("rejections", () => {
  test("a file that must not be touched rejects with a code and stays", async () => {
    publish("7");
    for (const [contents, code] of [
      ["{ models: 'x' }", "PARALL_CONFIG_SHAPE"],
      ["{ models: ", "PARALL_CONFIG_SYNTAX"],
      ["", "PARALL_CONFIG_EMPTY"],
    ]) {
      writeFileSync(configPath, contents);
      await assert.rejects(apply(), { code });
      await assert.rejects(diffPlatformConfig(options()), { code });
      assert.equal(file(), contents);
      assert.match(logs.at(-1), /^error /);
    }
    rmSync(configPath);
    mkdirSync(configPath);
    await assert.rejects(apply(), { code: "PARALL_FILE_KIND" });
  });

  test("an address that is none rejects", async () => {
    await assert.rejects(apply({ credentials: { api_key: KEY, parall_url: "nowhere" } }), (error) => /^PARALL_/.test(error.code));
  });

  test("no message, change or note holds the key", async () => {
    publish("7");
    const outcome = await diffPlatformConfig(options());
    await apply();
    assert.doesNotMatch(JSON.stringify(outcome) + logs.join("\n"), new RegExp(KEY));
    assert.match(file(), new RegExp(`"apiKey": "${KEY}"`));
  });
});

describe("the log", () => {
  test("may be a function, a logger object, or absent, and may throw", async () => {
    parall.fault("http.error", { route: "platform_config", status: 422 });
    const lines = [];
    const angry = () => {
      throw new Error("the log is full");
    };
    for (const log of [undefined, { error: (message) => lines.push(message) }, {}, angry]) {
      assert.equal((await apply({ log })).status, "unavailable");
    }
    assert.equal(lines.length, 1);
  });
});

describe("calls at the same time", () => {
  test("leave a whole file and no temporary ones", async () => {
    publish("7");
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => apply()));
    assert.ok(outcomes.every(({ status }) => ["updated", "unchanged"].includes(status)));
    assert.deepEqual(readdirSync(folder).sort(), ["openclaw.json", CACHE]);
    assert.equal(file().match(/models\.example\.org/g).length, 1);
  });
});

describe("the command", () => {
  test("prints key paths and values, the key hidden", async () => {
    publish("7");
    const lines = describeOutcome(await diffPlatformConfig(options()));
    assert.deepEqual(lines, [
      `The platform config (version 7) would change ${configPath}:`,
      "  models.providers.parall.baseUrl",
      '    + "https://models.example.org/v1"',
      "  models.providers.parall.models",
      '    + [{"id":"m","name":"M"}]',
      "  models.providers.parall.apiKey",
      '    + "(hidden)"',
    ]);
    await apply();
    assert.deepEqual(describeOutcome(await diffPlatformConfig(options())), ["The platform config (version 7) changes nothing."]);
  });

  test("says what is missing in an account that is not configured", async () => {
    const lines = [];
    await diff({}, (line) => lines.push(line));
    assert.match(lines.join("\n"), /^error: .*api_key is missing/);
    assert.equal(process.exitCode, 1);
    process.exitCode = 0;
  });

  test("finds the file where the host finds it", () => {
    const runtime = { state: { resolveStateDir: () => folder } };
    assert.deepEqual(configPlace(runtime, {}), { stateDir: folder, configPath });
    assert.equal(configPlace(runtime, { OPENCLAW_CONFIG_PATH: "~/x.json", OPENCLAW_HOME: "/h" }).configPath, "/h/x.json");
    assert.equal(configPlace(undefined, { OPENCLAW_STATE_DIR: "/s" }).configPath, "/s/openclaw.json");
    rmSync(configPath);
    writeFileSync(path.join(folder, "clawdbot.json"), "{}");
    assert.equal(configPlace(runtime, {}).configPath, path.join(folder, "clawdbot.json"));
  });
});

/** A host's configuration with this account. */
function section() {
  shared().runtime = { state: { resolveStateDir: () => folder } };
  const account = { parall_url: parall.url, api_key: KEY, org_id: "org_demo", model_hosts: ["models.example.org"] };
  return { channels: { parall: account } };
}

const pick = ({ status, version, written }) => [status, version, written];
