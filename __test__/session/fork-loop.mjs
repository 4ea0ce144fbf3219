/** Forks and cleans up until it is killed: `fork-loop.mjs SESSIONS_DIR`. */
import path from "node:path";
import { ACCOUNT, KEY, native } from "./folder.mjs";

const sessionsDir = process.argv[2];
const transcriptFile = path.join(sessionsDir, "parent.jsonl");
process.send("ready");
for (;;) {
  const fork = await native.forkOrchestratorSession({ orchestratorSessionKey: KEY, accountId: ACCOUNT, transcriptFile, sessionsDir });
  await native.cleanupForkSession({ ...fork, sessionsDir });
}
