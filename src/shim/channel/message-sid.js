/**
 * Under which id the host knows a message. Hosts ignore a message whose id this process has met in the last minutes, and newer ones
 * fail over one whose words are in the transcript already, left there by a crash. What is asked twice is for the journal to
 * know, so every turn has an id of its own. Only within one start of the account a message keeps it, unless its turn failed: the
 * host may still run a turn that it did not run at once.
 */
import { shared } from "../state.js";

/** No id of Parall contains it. */
const MARK = "#";
/** How many messages are remembered. */
const MOST_MET = 2000;

/**
 * @param {{ messageId: string, id: string, isRepeated?: boolean }} turn
 * @param {object} start what tells one start of the account from another
 * @param {string} [accountId] agents of two accounts may have the same message
 */
export function messageSid(turn, start, accountId = "") {
  const { met } = shared();
  const key = `${accountId} ${turn.messageId}`;
  const before = met.get(key);
  const isSame = before !== undefined && before.start === start && !turn.isRepeated;
  const sid = isSame ? before.sid : `${turn.messageId}${MARK}${turn.id}`;
  met.delete(key);
  met.set(key, { start, sid });
  if (met.size > MOST_MET) met.delete(met.keys().next().value);
  return sid;
}

/** The id of the message itself. */
export const messageIdOf = (sid) => sid.split(MARK, 1)[0];
