/** The life of one account in the gateway process. */
import { defaultAccountId, resolveAccount, unconfiguredReason } from "../channel/account.js";
import { configPlace } from "../channel/config-place.js";
import { gatewayOptions } from "../channel/options.js";
import { createFork, detectForkBackend, findLeftoverForks, removeFork } from "../forks/fork.js";
import { parentOfFork } from "../forks/key.js";
import { channelRuntime, readConfig, resolveAgentId } from "../host.js";
import { native } from "../native.js";
import { shared } from "../state.js";
import { interruptedSessions, takeOver } from "./interrupted.js";
import { announceEnd, announceStart, callOff, deliverPart, earlierRuns, followTurn } from "./runs.js";
import { runTurn } from "./turn.js";

/** The native part ends within this time by contract; after it the host continues without it. */
const CLOSE_LIMIT_MS = 3000;
/** How a start ends that another one follows. */
const RESTART = Symbol("restart");

/**
 * Stays pending until the host aborts: an early return or an exception would make the host restart the channel again and again.
 * What goes wrong on Parall's side, or a native part that cannot be loaded, is reported by the account's status. Only a fault of the
 * native part itself is an exception, because a restart is what helps then.
 */
export async function startAccount(ctx) {
  const aborted = untilAborted(ctx.abortSignal);
  while (!ctx.abortSignal.aborted && (await serve(ctx, aborted)) === RESTART);
}

/** One start of an account. It ends when the host aborts, or with `RESTART` when an operator wants another one. */
async function serve(ctx, aborted) {
  const place = placeOf(ctx);
  const interrupted = interruptedSessions(place);
  if (interrupted.length > 0) await takeOver(place, interrupted);
  const gateway = open(place);
  let markEnded;
  let restart;
  const restarted = new Promise((resolve) => (restart = () => resolve(RESTART)));
  const entry = { gateway, restart, ended: new Promise((resolve) => (markEnded = resolve)) };
  const { accounts } = shared();
  if (gateway) {
    accounts.set(ctx.accountId, entry);
    announceStart(ctx.accountId);
  }
  try {
    const end = await Promise.race([aborted, restarted, gateway?.ended() ?? aborted]);
    if (end && end !== RESTART) throw new Error(end);
    return end;
  } finally {
    if (accounts.get(ctx.accountId) === entry) accounts.delete(ctx.accountId);
    announceEnd(ctx.accountId);
    await close(ctx, gateway);
    markEnded();
  }
}

/** The host aborts before it calls this, so there is only the end to wait for. */
export async function stopAccount(ctx) {
  await shared().accounts.get(ctx.accountId)?.ended;
}

function placeOf(ctx) {
  const { runtime } = shared();
  const channel = channelRuntime(ctx, runtime);
  const cfg = readConfig(runtime, ctx.cfg);
  return { ctx, runtime, channel, cfg, agentId: resolveAgentId(channel, cfg, ctx.accountId), log: logger(ctx) };
}

function open({ ctx, runtime, channel, cfg, agentId, log }) {
  try {
    const { stateDir, configPath } = configPlace(runtime);
    // Two servers that set the same models would undo each other's work, so one of them may.
    const isDefault = ctx.accountId === defaultAccountId(cfg);
    const account = resolveAccount(cfg, ctx.accountId);
    // A host starts what it has found configured before; by now it may not be.
    if (!account.configured) throw new Error(unconfiguredReason(cfg, ctx.accountId));
    const options = gatewayOptions(account, { agentId, stateDir, ...(isDefault ? { configPath } : {}) });
    const place = { ctx, runtime, channel, agentId, log, deliver: deliverPart };
    const gateway = native().startGateway(options, {
      runTurn: (turn) => runTurn(place, turn),
      callOff,
      earlierRuns: () => earlierRuns(ctx.accountId),
      followTurn,
      ...forkCallbacks(place),
      status: (patch) => guarded(log, () => applyStatus(ctx, JSON.parse(patch))),
      log,
    });
    return gateway;
  } catch (error) {
    reportOnce(log, error.message);
    applyStatus(ctx, { lastError: error.message, blocked: error.message, connected: undefined });
    return undefined;
  }
}

async function close(ctx, gateway) {
  if (!gateway) return;
  let timer;
  const limit = new Promise((resolve) => {
    timer = setTimeout(() => resolve("late"), CLOSE_LIMIT_MS);
  });
  try {
    if ((await Promise.race([gateway.close(), limit])) === "late") logger(ctx)("warn", "the connection did not end in time");
  } catch (error) {
    logger(ctx)("warn", `the connection did not end cleanly: ${error.message}`);
  } finally {
    clearTimeout(timer);
  }
}

/** How the native part makes and removes forks on this host. What cannot be done is an exception with a sentence for people. */
function forkCallbacks({ ctx, runtime, channel, agentId, log }) {
  const request = (parentSessionKey) => {
    const cfg = readConfig(runtime, ctx.cfg);
    return { runtime, channel, cfg, agentId, parentSessionKey, accountId: ctx.accountId };
  };
  return {
    createFork: async (parent) => {
      const { fork, leftOut, fallback, reason, detail } = await createFork(request(parent));
      noteReading(ctx, fallback);
      if (leftOut > 0) log("info", `a fork was made without ${leftOut} older messages, which would not fit into the model`);
      if (fork) return fork;
      if (reason === "no-history") return null;
      if (reason === "over-budget") throw new Error(detail);
      throw new Error((await detectForkBackend(runtime, channel)).reason);
    },
    removeFork: (fork) => removeFork({ ...request(parentOfFork(fork.sessionKey)), fork }),
    leftoverForks: (parent) => findLeftoverForks(request(parent)),
  };
}

/** Says in the status that forks are slow, and why; a fork that was read in the quick way takes it back. */
function noteReading(ctx, fallback) {
  const current = ctx.getStatus()?.forksSlow ?? undefined;
  if (current !== fallback) applyStatus(ctx, { forksSlow: fallback });
}

/** Merges a patch of the native part into the host's status. */
function applyStatus(ctx, { blocked, ...patch }) {
  const current = ctx.getStatus();
  const reason = blocked ? { lastError: patch.lastError ?? blocked } : {};
  ctx.setStatus({ ...current, accountId: ctx.accountId, ...patch, ...reason, ...lifecycle(current, blocked, patch.connected) });
}

/**
 * `blocked` says that a person has to do something; newer hosts then leave the account alone instead of restarting it. They
 * take it for over only if it says so in these very words. Hosts that do not know the two keys ignore them.
 */
function lifecycle(current, blocked, connected) {
  if (blocked) return { lifecycle: "blocked", terminalDisconnect: true };
  if (connected) return { lifecycle: "ready", terminalDisconnect: undefined };
  if (current?.lifecycle === "blocked" && blocked === null) return { lifecycle: "starting", terminalDisconnect: undefined };
  return {};
}

/** The host's logger of this channel already names the channel. */
function logger(ctx) {
  return (level, message) => {
    const write = ctx.log?.[level] ?? ctx.log?.info;
    write?.call(ctx.log, `[${ctx.accountId}] ${message}`);
  };
}

/** A broken installation stays broken through every restart of the channel; one line in the log is enough. */
function reportOnce(log, message) {
  const { reported } = shared();
  if (reported.has(message)) return;
  reported.add(message);
  log("error", message);
}

/** The native part calls this; an exception that leaves it would end the process. */
function guarded(log, body) {
  try {
    body();
  } catch (error) {
    log("warn", `the status was not taken: ${error.message}`);
  }
}

function untilAborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
