/** `openclaw parall restart`: has the running gateway start an account anew. */
import { DEFAULT_ACCOUNT } from "../channel/account.js";
import { oneLine } from "../text.js";
import { askGateway } from "./gateway.js";
import { attempt } from "./output.js";

/**
 * @param {any} cfg the host's configuration
 * @param {(line: string) => void} print
 * @param {{ account?: string, json?: boolean }} [options]
 */
export async function restart(cfg, print, { account = DEFAULT_ACCOUNT, json } = {}) {
  await attempt(print, json, async () => {
    await askGateway(cfg, "/parall/actions", { account, action: "restart", id: account });
    print(json ? JSON.stringify({ restarted: account }) : `${oneLine(account)} starts anew; turns that run go on.`);
  });
}
