/** What an operator decides on the page. */
import { shared } from "../state.js";
import { Refusal } from "./http.js";

const ACTIONS = {
  retry: ({ gateway }, id) => gateway.retry(id),
  drop: ({ gateway }, id) => gateway.dropLetter(id),
  stop: ({ gateway }, id) => gateway.stop(id),
  restart: ({ restart }) => restart(),
};
/** Ids of Parall are no longer than this. */
const MOST_CHARACTERS = 256;

/** Answers of the native part that are not its own fault. */
const STATUS = {
  PARALL_JOURNAL_UNKNOWN: 404,
  PARALL_NOT_RUNNING: 409,
  PARALL_JOURNAL_ORDER: 409,
  PARALL_NOT_READY: 503,
  PARALL_CLOSED: 503,
};

/** @param {Record<string, unknown>} request `{ account, action, id }` */
export async function act({ account, action, id }) {
  if (typeof action !== "string" || !Object.hasOwn(ACTIONS, action)) {
    throw new Refusal(400, "PARALL_ACTION", `the action must be one of ${Object.keys(ACTIONS).join(", ")}`);
  }
  if (typeof id !== "string" || id === "" || id.length > MOST_CHARACTERS) throw new Refusal(400, "PARALL_ACTION", "the id is missing");
  const running = shared().accounts.get(account);
  if (!running) throw new Refusal(404, "PARALL_ACCOUNT", "no such account runs in this gateway");
  try {
    await ACTIONS[action](running, id);
  } catch (error) {
    throw new Refusal(STATUS[error.code] ?? 500, error.code ?? "PARALL_ACTION", error.message);
  }
  return { done: action, id };
}
