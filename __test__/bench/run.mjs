#!/usr/bin/env node
/** `npm run bench`: what the plugin costs, beside the bounds it is meant to keep. Build with `npm run build` first. */
import { burst } from "./burst.mjs";
import { command } from "./command.mjs";
import { config } from "./config.mjs";
import { fork } from "./fork.mjs";
import { idle } from "./idle.mjs";
import { latency } from "./latency.mjs";
import { startup } from "./startup.mjs";
import { tools } from "./tools.mjs";

const rows = [
  ...startup(),
  ...(await latency()),
  ...(await fork()),
  ...(await idle()),
  ...(await config()),
  ...(await burst()),
  ...(await command()),
  ...(await tools()),
];
console.table(rows);
process.exit(0);
