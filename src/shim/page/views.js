/** What there is to see of the accounts that run in this process. */
import { shared } from "../state.js";

/** @returns {Promise<string[]>} the view of each account, as JSON; one that cannot be read says why */
export function accountViews() {
  return Promise.all([...shared().accounts].map(([accountId, { gateway }]) => viewOf(accountId, gateway)));
}

/** @returns {Promise<string>} the accounts at this moment, as JSON */
export async function stateText() {
  return timed(await accountsText());
}

/** The views of all accounts as a JSON list. It is the same text as long as nothing changes. */
export const accountsText = async () => `[${(await accountViews()).join(",")}]`;

/** The same with the time of this clock, from which ages are counted. */
export const timed = (accounts) => `{"at":${Date.now()},"accounts":${accounts}}`;

async function viewOf(accountId, gateway) {
  try {
    return await gateway.view();
  } catch (error) {
    return JSON.stringify({ accountId, error: error.message });
  }
}
