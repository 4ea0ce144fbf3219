/**
 * Under which id the host knows a message. Hosts ignore a message whose id they have met in the last minutes, so a turn that is
 * repeated after a failure gets an id of its own.
 */

/** Stands in no id of Parall. */
const MARK = "#";

/** @param {{ messageId: string, id: string, isRepeated?: boolean }} turn */
export const messageSid = (turn) => (turn.isRepeated ? `${turn.messageId}${MARK}${turn.id}` : turn.messageId);

/** The id of the message itself. */
export const messageIdOf = (sid) => sid.split(MARK, 1)[0];
