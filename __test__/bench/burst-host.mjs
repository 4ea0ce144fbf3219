/**
 * An account whose agent never says anything: it holds its first turn until it is told to go on, and ends all others at once.
 *
 *     node burst-host.mjs URL STATE_FOLDER
 *
 * Prints the number of waiting events whenever it changes; goes on when a line comes in.
 */
import { native, noForks } from "../js/support.mjs";

// One sender stands for many here.
const unlimited = { senderTurns: 1_000_000, senderWaiting: 1_000_000 };
const [url, stateDir] = process.argv.slice(2);
const goOn = new Promise((resolve) => {
  process.stdin.once("data", resolve);
});
// Without a reference the account would end with the next collection of garbage.
globalThis.gateway = native.startGateway(
  {
    accountId: "default",
    parallUrl: url,
    apiKey: "key_agent",
    orgId: "org_demo",
    agentId: "main",
    stateDir,
    maxForks: 0,
    collectEvents: 1,
    ...unlimited,
  },
  {
    ...noForks,
    runTurn: async () => {
      await goOn;
      return { started: true };
    },
    status: (patch) => console.log(JSON.stringify(JSON.parse(patch))),
    log: () => {},
  },
);
