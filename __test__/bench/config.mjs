#!/usr/bin/env node
/**
 * `npm run bench:config`: what a refresh of the platform configuration costs on a file of 1 MB, beside the least that JavaScript can
 * do for the same: ask the server, read and parse the file, and for a change serialise it and write it so that it survives a crash.
 * In turns. Build with `npm run build` first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fetchAndApplyPlatformConfig } from "../../src/shim/native.js";
import { beside, median } from "./table.mjs";

const SERVER = path.join(import.meta.dirname, "..", "server", "main.js");
const FILE_BYTES = 1024 * 1024;
const ROUNDS = 30;
/** How many times as long as JavaScript it may take, and of the JavaScript thread's time. */
const TIMES = 1;
const THREAD_TIMES = 0.5;

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
  const plain = plainly(url, path.join(folder, "plain.json"), readFileSync(configPath));
  const equal = await measure({ ours: apply, javascript: plain.look });
  if (statSync(configPath).mtimeMs !== mtimeMs) throw new Error("an equal configuration was written");
  const change = await measure(
    {
      ours: async () => {
        const outcome = await apply();
        if (!outcome.written) throw new Error("nothing was written");
      },
      javascript: plain.change,
    },
    (round) => publish(round + 1),
  );
  const rows = (what, { ours, javascript }) => [
    beside(what, ours.time, javascript.time, "ms", "in JavaScript", TIMES),
    beside("  processor time", ours.processor, javascript.processor, "ms", "in JavaScript", TIMES),
    beside("  on the JavaScript thread", ours.busy, javascript.busy, "ms", "in JavaScript", THREAD_TIMES),
  ];
  return [...rows("config, 1 MB, 304 and equal, with the request", equal), ...rows("config, 1 MB, a real change, synced to disk", change)];
}

/** The least that JavaScript can do with a file. */
function plainly(url, file, content) {
  writeFileSync(file, content);
  const headers = { authorization: "Bearer key_agent" };
  const ask = async (etag) => {
    const response = await fetch(`${url}/api/v1/platform-config`, { headers: etag ? { ...headers, "if-none-match": etag } : headers });
    return { config: response.status === 304 ? undefined : await response.json(), etag: response.headers.get("etag") };
  };
  let known;
  return {
    async look() {
      known = (await ask(known)).etag ?? known;
      JSON.parse(readFileSync(file, "utf8"));
    },
    async change(round) {
      await ask();
      const value = JSON.parse(readFileSync(file, "utf8"));
      value.models.providers.parall.baseUrl = `https://models.example.org/js${round}`;
      const descriptor = openSync(`${file}.new`, "w", 0o600);
      writeSync(descriptor, JSON.stringify(value, null, 2));
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(`${file}.new`, file);
      const directory = openSync(path.dirname(file), "r");
      fsyncSync(directory);
      closeSync(directory);
    },
  };
}

/** Does each way in turns. Medians in milliseconds: wall time, processor time of all threads, time the JavaScript thread was busy. */
async function measure(ways, prepare) {
  const taken = Object.fromEntries(Object.keys(ways).map((way) => [way, { time: [], processor: [], busy: [] }]));
  for (let round = 0; round < ROUNDS; round += 1) {
    await prepare?.(round);
    for (const [way, action] of Object.entries(ways)) {
      const utilization = performance.eventLoopUtilization();
      const usage = process.cpuUsage();
      const start = performance.now();
      await action(round);
      const { time, processor, busy } = taken[way];
      time.push(performance.now() - start);
      const { user, system } = process.cpuUsage(usage);
      processor.push((user + system) / 1000);
      busy.push(performance.eventLoopUtilization(utilization).active);
    }
  }
  const medians = ({ time, processor, busy }) => ({ time: median(time), processor: median(processor), busy: median(busy) });
  return Object.fromEntries(Object.entries(taken).map(([way, values]) => [way, medians(values)]));
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
