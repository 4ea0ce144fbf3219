#!/usr/bin/env node
/**
 * Runs the scripted model as a process of its own.
 *
 *     node __test__/model/main.js [--port 0] [--log FILE]
 *
 * Prints one JSON line `{ url, base_url, port, pid }` on standard output when it listens. Ends on SIGINT and SIGTERM.
 */
import { parseArgs } from "node:util";
import { ScriptedModel } from "./model.js";

const { values } = parseArgs({ options: { port: { type: "string", default: "0" }, log: { type: "string" } } });
const model = await ScriptedModel.start({ port: Number(values.port), logFile: values.log });
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => model.close().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ url: model.url, base_url: model.baseUrl, port: model.port, pid: process.pid })}\n`);
