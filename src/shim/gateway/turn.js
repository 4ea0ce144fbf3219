/** Runs one agent turn on the host: an event of Parall in, parts of the answer out. */

import { mediaFolders } from "../channel/media-folders.js";
import { inboundPath, readConfig, resolveWorkspaceDir } from "../host.js";
import { inboundContext } from "./inbound-context.js";
import { startRun } from "./runs.js";
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
 * @returns {Promise<{ started: boolean, error?: string, isCalledOff?: boolean }>}
 */
export function runTurn(place, turn) {
  return startRun(place.ctx.accountId, turn, async (abortSignal, outcome) => {
    const silence = watchSilence(place.runtime);
    const markStarted = () => {
      outcome.started = true;
    };
    try {
      await dispatch(place, turn, { silence, markStarted, abortSignal });
    } finally {
      silence.end();
    }
  });
}

async function dispatch({ ctx, runtime, channel, agentId, deliver, log }, turn, { silence, markStarted, abortSignal }) {
  const path = inboundPath(channel);
  const cfg = readConfig(runtime, ctx.cfg);
  const folders = () => mediaFolders(runtime, resolveWorkspaceDir(runtime, cfg, agentId));
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
        else await deliver(turn.id, replyPart(payload, info, folders));
      },
      onError: (error, info) => log("warn", `a ${info?.kind ?? "reply"} part was not delivered: ${errorText(error)}`),
    },
    replyOptions: {
      abortSignal,
      onAgentRunStart: (runId) => {
        markStarted();
        silence.addRun(runId);
      },
    },
  });
}

/** A payload as a part of an answer: a text, and files from the folders from which the agent may send. */
function replyPart(payload, info, folders) {
  const files = [payload?.mediaUrl, ...(Array.isArray(payload?.mediaUrls) ? payload.mediaUrls : [])];
  const media = [...new Set(files.filter((file) => typeof file === "string" && file !== ""))];
  const kind = info?.kind ?? "final";
  const text = typeof payload?.text === "string" ? { text: payload.text } : {};
  return { kind, ...text, ...(media.length > 0 ? { media, folders: folders() } : {}) };
}

const errorText = (error) => (error instanceof Error ? error.message : String(error));
