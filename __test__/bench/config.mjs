#!/usr/bin/env node
/**
 * `npm run bench:config`: what a refresh of the platform configuration costs on a file of 1 MB, beside what parsing, serialising
 * and writing the same file in JavaScript costs. Build with `npm run build` first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fetchAndApplyPlatformConfig } from "../../src/shim/native.js";
import { median, row } from "./table.mjs";

const SERVER = path.join(import.meta.dirname, "..", "server", "main.js");
const FILE_BYTES = 1024 * 1024;
const ROUNDS = 30;
/** Milliseconds a refresh may take when nothing changes, and when something does. */
const EQUAL_BOUND = 5;
const CHANGE_BOUND = 20;
/** Milliseconds of it that the JavaScript thread may be busy. */
const THREAD_BOUND = 5;

export async function config() {
  // A process of its own: its work must not count as ours.
  const server = spawn(process.execPath, [SERVER, "--seed"], { stdio: ["ignore", "pipe", "inherit"] });
  const { url } = JSON.parse((await once(server.stdout, "data"))[0]);
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-bench-"));
  try {
    return await measureAll(url, folder);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureAll(url, folder) {
  const configPath = path.join(folder, "openclaw.json");
  writeFileSync(configPath, userFile());
  const credentials = { api_key: "key_agent", parall_url: url };
  const options = { credentials, stateDir: folder, configPath, modelHosts: ["models.example.org"] };
  const apply = () => fetchAndApplyPlatformConfig(options);
  const publish = (version) => {
    const provider = { baseUrl: `https://models.example.org/${version}`, models: [{ id: "m", name: "M" }] };
    const config = { version: String(version), config: { models: { providers: { parall: provider } } } };
    return fetch(`${url}/_control/platform_config`, { method: "POST", body: JSON.stringify(config) });
  };

  await publish(0);
  await apply();
  const { mtimeMs } = statSync(configPath);
  const equal = await measure(apply);
  if (statSync(configPath).mtimeMs !== mtimeMs) throw new Error("an equal configuration was written");
  const change = await measure(
    async () => {
      const outcome = await apply();
      if (!outcome.written) throw new Error("nothing was written");
    },
    (round) => publish(round + 1),
  );
  const javascript = await measure((round) => {
    const value = JSON.parse(readFileSync(configPath, "utf8"));
    value.models.providers.parall.baseUrl = `https://models.example.org/js${round}`;
    writeFileSync(configPath, JSON.stringify(value, null, 2));
  });
  const disk = await measure((round) => {
    const file = openSync(`${configPath}.new`, "w");
    writeSync(file, readFileSync(configPath));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${configPath}.new`, `${configPath}.${round}`);
    const directory = openSync(folder, "r");
    fsyncSync(directory);
    closeSync(directory);
  });
  const note = (what, { time }) => ({ what, measured: `${time.toFixed(1)} ms`, bound: "for comparison", kept: "" });
  return [
    row("config, 1 MB, 304 and equal, with the request", equal.time, "ms", EQUAL_BOUND),
    row("  processor time", equal.processor, "ms", EQUAL_BOUND),
    row("  on the JavaScript thread", equal.busy, "ms", THREAD_BOUND),
    row("config, 1 MB, a real change, synced to disk", change.time, "ms", CHANGE_BOUND),
    row("  processor time", change.processor, "ms", CHANGE_BOUND),
    row("  on the JavaScript thread", change.busy, "ms", THREAD_BOUND),
    note("JSON.parse, stringify, write, not synced", javascript),
    note("write and sync alone, what this disk takes", disk),
  ];
}

/** Medians in milliseconds: wall time, processor time of all threads, time the JavaScript thread was busy. */
async function measure(action, prepare) {
  const times = [];
  const processor = [];
  const busy = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await prepare?.(round);
    const utilization = performance.eventLoopUtilization();
    const usage = process.cpuUsage();
    const start = performance.now();
    await action(round);
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(usage);
    processor.push((user + system) / 1000);
    busy.push(performance.eventLoopUtilization(utilization).active);
  }
  return { time: median(times), processor: median(processor), busy: median(busy) };
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
