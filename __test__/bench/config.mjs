#!/usr/bin/env node
/**
 * `npm run bench:config`: what a refresh of the platform configuration costs on a file of 1 MB, beside what parsing, serialising
 * and writing the same file in JavaScript costs. Build with `npm run build` first.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fetchAndApplyPlatformConfig } from "../../src/shim/native.js";
import { LocalParall } from "../server/server.js";
import { median, row } from "./table.mjs";

const FILE_BYTES = 1024 * 1024;
const ROUNDS = 30;
/** Milliseconds a refresh may take when nothing changes, and when something does. */
const EQUAL_BOUND = 5;
const CHANGE_BOUND = 20;

export async function config() {
  const parall = await LocalParall.start({});
  parall.seed();
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-bench-"));
  const configPath = path.join(folder, "openclaw.json");
  const text = userFile();
  writeFileSync(configPath, text);
  const options = { credentials: { api_key: "key_agent", parall_url: parall.url }, stateDir: folder, configPath };
  const apply = () => fetchAndApplyPlatformConfig(options);
  const publish = (version) => {
    const provider = { baseUrl: `https://models.example.org/${version}`, models: [{ id: "m", name: "M" }] };
    parall.setPlatformConfig({ version: String(version), config: { models: { providers: { parall: provider } } } });
  };

  publish(0);
  await apply();
  const { mtimeMs } = statSync(configPath);
  const equal = await measure(apply);
  if (statSync(configPath).mtimeMs !== mtimeMs) throw new Error("an equal configuration was written");
  const change = await measure(async (round) => {
    publish(round + 1);
    const outcome = await apply();
    if (!outcome.written) throw new Error("nothing was written");
  });
  const javascript = await measure((round) => {
    const value = JSON.parse(readFileSync(configPath, "utf8"));
    value.models.providers.parall.baseUrl = `https://models.example.org/js${round}`;
    writeFileSync(configPath, JSON.stringify(value, null, 2));
  });
  await parall.close();
  rmSync(folder, { recursive: true, force: true });
  return [
    row("config, 1 MB, 304 and equal", equal.time, "ms", EQUAL_BOUND),
    row("  of it on the JavaScript thread", equal.busy, "ms", EQUAL_BOUND),
    row("config, 1 MB, a real change, synced to disk", change.time, "ms", CHANGE_BOUND),
    row("  of it on the JavaScript thread", change.busy, "ms", EQUAL_BOUND),
    { what: "JSON.parse, stringify, write, not synced", measured: `${javascript.time.toFixed(1)} ms`, bound: "for comparison", kept: "" },
  ];
}

/** Median of the wall time and of the time the JavaScript thread was busy, in milliseconds. */
async function measure(action) {
  const times = [];
  const busy = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    await action(round);
    times.push(performance.now() - start);
    busy.push(performance.eventLoopUtilization(before).active);
  }
  return { time: median(times), busy: median(busy) };
}

/** An `openclaw.json` of 1 MB as a program writes it: agents, channels with allow lists, comments left out for JSON.parse. */
function userFile() {
  const accounts = {};
  const value = { gateway: { mode: "local" }, models: { providers: {} }, agents: { defaults: {} }, channels: { other: { accounts } } };
  for (let index = 0; JSON.stringify(value, null, 2).length < FILE_BYTES; index += 200) {
    for (let account = index; account < index + 200; account += 1) {
      accounts[`account${account}`] = {
        enabled: true,
        name: `Account number ${account}`,
        allowFrom: [`user_${account}`, `user_${account + 1}`],
        limits: { perMinute: account, burst: 1.5 },
      };
    }
  }
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  console.table(await config());
  process.exit(0);
}
