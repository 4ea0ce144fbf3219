/** Runs a tool of the native part for the account that a session belongs to. */
import { resolveAccount } from "../channel/account.js";
import { mediaFolders } from "../channel/media-folders.js";
import { gatewayOptions } from "../channel/options.js";
import { currentTurn } from "../gateway/runs.js";
import { native } from "../native.js";
import { shared } from "../state.js";

/**
 * @param {any} context what the host tells a tool about its session
 * @param {any} cfg the host's configuration
 * @param {string} name
 * @param {object} parameters as the model gave them
 * @returns {Promise<string>}
 */
export function callTool(context, cfg, name, parameters) {
  const account = resolveAccount(cfg, context.agentAccountId ?? undefined);
  const folders = mediaFolders(shared().runtime, context.workspaceDir);
  return toolsOf(account).call(name, JSON.stringify(parameters), { folders, run: currentTurn() });
}

/** The tools of an account, opened once for each gateway and set of options. */
function toolsOf(account) {
  const { accounts, tools } = shared();
  const gateway = accounts.get(account.accountId)?.gateway;
  const options = gatewayOptions(account, { agentId: "main" });
  const key = JSON.stringify(options);
  const open = tools.get(account.accountId);
  if (open?.key === key && open.gateway === gateway) return open.tools;
  const opened = native().openTools(options, gateway);
  tools.set(account.accountId, { key, gateway, tools: opened });
  return opened;
}
