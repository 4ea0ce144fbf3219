/** `node age-boots.mjs DATABASE`: makes the gateway's earlier starts look half an hour older to it. The gateway must not run. */
import { DatabaseSync } from "node:sqlite";

const AGE = 30 * 60_000;

const database = new DatabaseSync(process.argv[2], { timeout: 10_000 });
database.prepare("update gateway_boot_lifecycle set started_at_ms = started_at_ms - ?").run(AGE);
database.close();
