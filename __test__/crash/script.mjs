/** What is asked in a storm and how the agent answers, decided by the seed alone: processes that die need not agree on it. */

const LONGEST_TURN = 50;
const MOST_PARTS = 3;

/** Numbers between 0 and 1, the same for the same seed. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * How the agent deals with question `number`.
 *
 * @returns {{ kind: "answers" | "silent" | "fails first" | "breaks off", parts: number, milliseconds: number }} `breaks off`: the
 *   first turn ends with an error after its first part, if that is not the last one
 */
export function plan(seed, number) {
  const next = random(seed ^ Math.imul(number + 1, 0x9e3779b1));
  const roll = next();
  const kind = roll < 0.08 ? "silent" : roll < 0.1 ? "fails first" : roll < 0.13 ? "breaks off" : "answers";
  return { kind, parts: 1 + Math.floor(next() * MOST_PARTS), milliseconds: next() * LONGEST_TURN };
}

/** The words of a question, which name it. */
export const question = (number) => `question ${number}`;
/** The number of a question, which may be followed by directives for the model. */
export const numberOf = (text) => Number(/^question (\d+)(?: \[\[|$)/.exec(text)?.[1]);
/** The words of a part. They name the turn, as a model seldom says the same twice. */
export const answer = (number, part, turn) => `answer ${number} part ${part} of ${turn}`;
/** The part that words are, if they are one. */
export function partOf(text) {
  const [, number, part, turn] = /^answer (\d+) part (\d+) of (\S+)$/.exec(text) ?? [];
  return number === undefined ? undefined : { number: Number(number), part: Number(part), turn };
}
