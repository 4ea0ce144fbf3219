/** How forks are called. */

const ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const FORK = new RegExp(`^(.+):fork:(${ID})$`);

/** Hosts store keys trimmed and in lower case. */
export const normalizeKey = (sessionKey) => sessionKey.trim().toLowerCase();

export const forkKey = (parentSessionKey, sessionId) => `${parentSessionKey}:fork:${sessionId}`;

/** The session that a fork was made of; empty when the key is not a fork's. */
export const parentOfFork = (sessionKey) => FORK.exec(sessionKey)?.[1] ?? "";

/** The id of a parent's fork, or `undefined` when the key is not one's. */
export function forkId(parentSessionKey, sessionKey) {
  const [, parent, id] = FORK.exec(sessionKey) ?? [];
  return parent === parentSessionKey ? id : undefined;
}
