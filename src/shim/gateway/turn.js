/** Runs one agent turn on the host: an event of Parall in, parts of the answer out. */

import { inboundPath, readConfig } from "../host.js";
import { inboundContext } from "./inbound-context.js";
import { watchSilence } from "./silence.js";

/**
 * @typedef {object} TurnPlace
 * @property {any} ctx what the host gave `startAccount`
 * @property {any} runtime the host's `api.runtime`
 * @property {any} channel the host's channel functions
 * @property {string} agentId
 * @property {(turnId: string, part: object) => Promise<void>} deliver
 * @property {(level: string, message: string) => void} log
 */

/**
 * Never rejects: what goes wrong is part of the outcome. `started` is true once the agent ran or the host answered by itself
 * (it answers commands without the agent). A dispatch that the host keeps for later, as it does for a busy session or for a
 * message it recovers after a crash, returns with `started: false` and answers through `outbound.sendText`.
 *
 * @param {TurnPlace} place
 * @param {any} turn see `Turn` in `index.d.ts`
 * @returns {Promise<{ started: boolean, error?: string }>}
 */
export async function runTurn(place, turn) {
  const outcome = { started: false };
  const silence = watchSilence(place.runtime);
  try {
    await dispatch(place, turn, silence, () => {
      outcome.started = true;
    });
    return outcome;
  } catch (error) {
    return { ...outcome, error: errorText(error) };
  } finally {
    silence.end();
  }
}

async function dispatch({ ctx, runtime, channel, agentId, deliver, log }, turn, silence, markStarted) {
  const path = inboundPath(channel);
  const cfg = readConfig(runtime, ctx.cfg);
  const message = path.finalize(inboundContext(ctx, turn));
  if (path.storePath && path.record) {
    await path.record({
      storePath: path.storePath(cfg?.session?.store, { agentId }),
      sessionKey: message.SessionKey ?? turn.sessionKey,
      ctx: message,
      onRecordError: (error) => log("warn", `the session entry was not recorded: ${errorText(error)}`),
    });
  }
  await path.dispatch({
    ctx: message,
    cfg,
    dispatcherOptions: {
      deliver: async (payload, info) => {
        markStarted();
        if (silence.isComplaint(payload)) log("info", "the agent chose not to answer; the host's complaint about it is not sent");
        else await deliver(turn.id, replyPart(payload, info));
      },
      onError: (error, info) => log("warn", `a ${info?.kind ?? "reply"} part was not delivered: ${errorText(error)}`),
    },
    replyOptions: {
      onAgentRunStart: (runId) => {
        markStarted();
        silence.addRun(runId);
      },
    },
  });
}

function replyPart(payload, info) {
  return {
    kind: info?.kind ?? "final",
    ...(typeof payload?.text === "string" ? { text: payload.text } : {}),
    ...(typeof payload?.mediaUrl === "string" ? { mediaUrl: payload.mediaUrl } : {}),
    ...(payload?.isError === true ? { isError: true } : {}),
  };
}

const errorText = (error) => (error instanceof Error ? error.message : String(error));
