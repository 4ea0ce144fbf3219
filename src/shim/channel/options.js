/** What the native part needs to know about an account. */

const isCount = (value) => Number.isInteger(value) && value >= 0 && value <= 1000;

/**
 * @param {import("./account.js").ResolvedAccount} account
 * @param {{ agentId: string, stateDir?: string, configPath?: string }} place
 */
export function gatewayOptions(account, { agentId, stateDir, configPath }) {
  const { config } = account;
  return {
    accountId: account.accountId,
    parallUrl: config.parall_url,
    apiKey: config.api_key,
    orgId: config.org_id,
    agentId,
    ...(config.ws_url ? { wsUrl: config.ws_url } : {}),
    ...(typeof config.replies === "string" ? { replies: config.replies } : {}),
    ...(isCount(config.max_forks) ? { maxForks: config.max_forks } : {}),
    ...(isCount(config.agent_turns) ? { agentTurns: config.agent_turns } : {}),
    ...(stateDir ? { stateDir } : {}),
    ...(configPath ? { configPath } : {}),
  };
}
