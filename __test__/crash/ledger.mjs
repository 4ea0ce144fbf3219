/** The server's state file, read as what it is: everything that ever happened, in order, whatever was killed meanwhile. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { numberOf, partOf } from "./script.mjs";

/**
 * @typedef {object} Question
 * @property {string} dispatch its id
 * @property {string} place chat or task
 * @property {{ part: number, turn: string, where: string, at: number }[]} parts of the answer, in the order in which they came
 * @property {number} [acknowledgedAt] when it was acknowledged for the first time
 *
 * All times are positions in the file.
 */

/** @param {string} file @returns {Promise<Map<number, Question>>} by number, in the order in which they were asked */
export async function readLedger(file) {
  const questions = new Map();
  const sources = new Map();
  let at = 0;
  const say = (where, text) => {
    const part = partOf(text);
    if (part !== undefined) questions.get(part.number).parts.push({ part: part.part, turn: part.turn, where, at });
  };
  const readers = {
    messages: ({ id, chat_id: chat, content }) => {
      sources.set(id, { number: numberOf(content.text), place: chat });
      say(chat, content.text);
    },
    tasks: ({ id, title }) => sources.set(id, { number: numberOf(title), place: id }),
    comments: ({ target_uri: target, body }) => say(target.slice("prll://".length), body),
    dispatches: ({ id, source_id: source, status }) => {
      const { number, place } = sources.get(source);
      if (!questions.has(number)) questions.set(number, { dispatch: id, place, parts: [] });
      if (status === "acked") questions.get(number).acknowledgedAt ??= at;
    },
  };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    at += 1;
    const [collection, , record] = JSON.parse(line);
    if (record !== null) readers[collection]?.(record);
  }
  return questions;
}
