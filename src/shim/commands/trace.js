/** `openclaw parall trace`: the life of an event with its times, out of the journal. */
import { traceEvent } from "../native.js";
import { oneLine } from "../text.js";
import { attempt, place, table } from "./output.js";

const WORDS = {
  came: "came",
  loaded: "loaded",
  adopted: "turn",
  released: "turn cut off",
  failed: "failed",
  dead: "given up",
  answered: "answered",
  no_reply: "needs no answer",
  acknowledged: "acknowledged",
  intended: "part to be sent",
  delivered: "part delivered",
  refused: "part refused",
};
const ID = /^(dsp|msg|tsk)_\S+$/;

/**
 * @param {(line: string) => void} print
 * @param {string} id of a dispatch, message or task
 * @param {{ json?: boolean }} [options]
 */
export async function showTrace(print, id, { json } = {}) {
  await attempt(print, json, async () => {
    if (!ID.test(id)) throw Object.assign(new Error("an id begins with dsp_, msg_ or tsk_"), { code: "PARALL_TRACE_ID" });
    const events = JSON.parse(await traceEvent(place(), id));
    if (json) return print(JSON.stringify({ events }));
    for (const line of describeTrace(events)) print(line);
  });
}

/** Events, line by line. */
export function describeTrace(events) {
  return events.flatMap((event, place) => [...(place > 0 ? [""] : []), ...describeEvent(event)]);
}

function describeEvent({ id, origin, sourceType, sourceId, eventType, target, senderId, steps, parts }) {
  const about = [sourceType, sourceId, eventType, senderId && `from ${senderId}`, target && `in ${target}`, `by ${origin}`].filter(Boolean);
  const sent = parts.map(({ at, state, messageId, target: to, cause }) => ({
    at,
    step: state,
    detail: cause ?? [messageId, to].filter(Boolean).join(" in "),
  }));
  // What happened in the same millisecond stays in its order.
  const all = [...steps, ...sent].sort((one, other) => one.at - other.at);
  const rows = all.map(({ at, step, detail }) => [new Date(at).toISOString(), `+${seconds(at - all[0].at)}`, WORDS[step] ?? step, detail]);
  return [`${oneLine(id)}: ${oneLine(about.join(" "))}`, ...table(["TIME", "AFTER", "WHAT", "DETAIL"], rows)];
}

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(3)} s`;
