/**
 * A process with one account whose host echoes: after a while when a message begins with `slow`, never when it begins with `hang`,
 * and one that begins with `die` kills the process after half of that while. It echoes twice what begins with `twice`.
 *
 *     node echo-host.mjs '{ "url", "folder" }'
 *
 * Speaks and ends like `host.mjs`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { native, noForks } from "../js/support.mjs";

const WHILE = 800;

const { url, folder } = JSON.parse(process.argv[2]);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
let forks = 0;

const gateway = native.startGateway(
  { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", stateDir: folder, collectEvents: 1 },
  {
    ...noForks,
    createFork: async (parent) => {
      forks += 1;
      return { sessionKey: `${parent}:fork:${process.pid}-${forks}`, sessionId: `fork-${forks}` };
    },
    runTurn: async (turn) => {
      tell({ event: "turn", text: turn.rawText });
      if (turn.rawText.startsWith("slow")) await sleep(WHILE);
      if (turn.rawText.startsWith("die")) await sleep(WHILE / 2).then(() => process.kill(process.pid, "SIGKILL"));
      if (turn.rawText.startsWith("hang")) await new Promise(() => {});
      if (turn.rawText.startsWith("twice")) await gateway.deliver(turn.id, { kind: "block", text: `echo: ${turn.rawText}` });
      await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
      return { started: true };
    },
    status: (patch) => tell({ event: "status", status: JSON.parse(patch) }),
    log: (level, message) => tell({ event: "log", level, message }),
  },
);
tell({ event: "ready" });

const stop = () => gateway.close().then(() => process.exit(0));
process.once("SIGTERM", stop);
process.stdin.once("end", stop).resume();
