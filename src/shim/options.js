/** What the native part needs to know about an account. */

/**
 * @param {import("./account.js").ResolvedAccount} account
 * @param {{ agentId: string, stateDir?: string }} place
 */
export function gatewayOptions(account, { agentId, stateDir }) {
  const { config } = account;
  return {
    accountId: account.accountId,
    parallUrl: config.parall_url,
    apiKey: config.api_key,
    orgId: config.org_id,
    agentId,
    ...(config.ws_url ? { wsUrl: config.ws_url } : {}),
    ...(typeof config.replies === "string" ? { replies: config.replies } : {}),
    ...(stateDir ? { stateDir } : {}),
  };
}
