/** `openclaw parall status`: an account as the running gateway knows it, or else as its journal does. */
import { accountView } from "../native.js";
import { oneLine } from "../text.js";
import { askGateway } from "./gateway.js";
import { age, attempt, place, table } from "./output.js";

/**
 * @param {any} cfg the host's configuration
 * @param {(line: string) => void} print
 * @param {{ json?: boolean }} [options]
 */
export async function showStatus(cfg, print, { json } = {}) {
  await attempt(print, json, async () => {
    const state = await readState(cfg);
    if (json) return print(JSON.stringify(state));
    for (const line of describeState(state)) print(line);
  });
}

/** What the page shows; `unreached` says why it is from the journal alone. */
async function readState(cfg) {
  let unreached = "no account runs in the gateway";
  try {
    const { accounts } = await askGateway(cfg, "/parall/state");
    if (accounts.length > 0) return { accounts };
  } catch (error) {
    if (error.code !== "PARALL_GATEWAY") throw error;
    unreached = error.message;
  }
  return { accounts: [JSON.parse(await accountView(place()))], unreached };
}

/** Accounts, line by line. */
export function describeState({ accounts, unreached }, now = Date.now()) {
  const origin = unreached ? [`From the journal, because ${oneLine(unreached)}:`, ""] : [];
  return [...origin, ...accounts.flatMap((account, place) => [...(place > 0 ? [""] : []), ...describeAccount(account, now)])];
}

function describeAccount({ accountId, error, live, lanes, queue, deadLetters, forks, loops }, now) {
  if (error) return [`${oneLine(accountId)}: ${oneLine(error)}`];
  const oldest = queue.oldestPendingAt ? `, the oldest came ${age(queue.oldestPendingAt, now)} ago` : "";
  const lines = [
    `${oneLine(accountId)}: ${connection(live)}`,
    `${queue.waiting} waiting, ${queue.running} running, ${queue.finishing} finishing, ${queue.dead} dead${oldest}`,
    ...(live ? [`${live.activity.turns} turns since the start, ${live.activity.failed} failed`] : []),
    ...(live?.problems ?? []).map((problem) => `problem: ${oneLine(problem)}`),
  ];
  const runs = lanes.flatMap(({ isFork, since, events }) =>
    events.map((event) => [
      isFork ? "fork" : "main",
      age(since, now),
      event.id,
      event.attempts,
      event.target ?? event.sourceId,
      event.senderId,
    ]),
  );
  if (runs.length > 0) lines.push("", ...table(["LANE", "SINCE", "ID", "ATTEMPTS", "TARGET", "FROM"], runs));
  const limit = live ? ` of ${live.agentTurns}` : "";
  const used = [...loops.agents, ...loops.chats].map(({ id, turns, freesAt }) => [id, `${turns}${limit}`, age(now, freesAt)]);
  if (used.length > 0) lines.push("", ...table(["AMONG AGENTS", "TURNS", "FREE IN"], used));
  if (forks.items.length > 0) lines.push("", "`openclaw parall forks` shows the forks.");
  if (deadLetters.items.length > 0) lines.push("", "`openclaw parall queue list` says why dead letters were given up.");
  return lines;
}

function connection(live) {
  if (!live) return "not known whether it is connected";
  const who = live.agentId ? ` as ${oneLine(live.agentId)}` : "";
  if (live.status.blocked) return `blocked: ${oneLine(live.status.blocked)}`;
  if (live.status.connected) return `connected${who}`;
  return `not connected, attempt ${live.status.reconnectAttempts}`;
}
