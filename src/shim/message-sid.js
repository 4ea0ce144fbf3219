/**
 * Under which id the host knows a message. Hosts ignore a message whose id this process has met in the last minutes, so a turn
 * that is repeated gets an id of its own: after a failure, and when the account was restarted in the middle of a turn, whose
 * answer then found nobody. In a new process the id stays: the host may finish there by itself what it had begun.
 */
import { shared } from "./state.js";

/** Stands in no id of Parall. */
const MARK = "#";
/** How many messages are remembered. */
const MOST_MET = 2000;

/**
 * @param {{ messageId: string, id: string, isRepeated?: boolean }} turn
 * @param {object} start what tells one start of the account from another
 */
export function messageSid(turn, start) {
  const { met } = shared();
  const before = met.get(turn.messageId);
  met.delete(turn.messageId);
  met.set(turn.messageId, start);
  if (met.size > MOST_MET) met.delete(met.keys().next().value);
  const isRepeated = turn.isRepeated || (before !== undefined && before !== start);
  return isRepeated ? `${turn.messageId}${MARK}${turn.id}` : turn.messageId;
}

/** The id of the message itself. */
export const messageIdOf = (sid) => sid.split(MARK, 1)[0];
