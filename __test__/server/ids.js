let counter = 0;

/** A new id such as `msg_MB0Y5K2Q0001`: upper case, so that a client that changes the case of ids is found out. */
export function newId(prefix) {
  counter = (counter + 1) % 36 ** 4;
  return `${prefix}_${Date.now().toString(36)}${counter.toString(36).padStart(4, "0")}`.replace(/_.*/, (tail) => tail.toUpperCase());
}

export const now = () => new Date().toISOString();
