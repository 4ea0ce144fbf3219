#!/usr/bin/env node
/**
 * Runs the local Parall server as a process of its own.
 *
 *     node __test__/server/main.js [--port 0] [--state FILE] [--generation inbox|events|both] [--heartbeat SECONDS] [--seed]
 *
 * Prints one JSON line `{ url, ws_url, port, pid }` on standard output when it listens. Ends on SIGINT and SIGTERM.
 */
import { parseArgs } from "node:util";
import { LocalParall } from "./server.js";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    state: { type: "string" },
    generation: { type: "string", default: "both" },
    heartbeat: { type: "string" },
    seed: { type: "boolean", default: false },
  },
});

const server = await LocalParall.start({
  port: Number(values.port),
  stateFile: values.state,
  generation: values.generation,
  choices: values.heartbeat === undefined ? {} : { heartbeatInterval: Number(values.heartbeat) },
});
if (values.seed) server.seed();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.close().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ url: server.url, ws_url: server.wsUrl, port: server.port, pid: process.pid })}\n`);
