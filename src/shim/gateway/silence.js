/**
 * Tells an agent that chose to be silent (`NO_REPLY`) from one that failed.
 *
 * Newer hosts want an answer to every message: when the agent stays silent they ask it once more, and then write an error into
 * the chat. Among people and agents silence is often right, so that error is not passed on. The host's own event at the end of
 * the run says which it was; older hosts send no such event and no such error.
 */
import { onAgentEvent } from "../host.js";

/** @param {any} runtime the host's `api.runtime` */
export function watchSilence(runtime) {
  const runs = new Set();
  let silent = false;
  const end = onAgentEvent(runtime, ({ runId, stream, data }) => {
    if (!runs.has(runId) || stream !== "lifecycle") return;
    if (data?.terminalReply) silent = data.terminalReply.disposition === "silent" && data.stopReason === "stop";
  });
  return {
    addRun: (runId) => runs.add(runId),
    isComplaint: (payload) => silent && payload?.isError === true,
    end,
  };
}
