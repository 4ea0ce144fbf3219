/** What the native part needs to know about an account. */
import { accessSettings } from "./access.js";

const isCount = (value, least = 0, most = 1000) => Number.isInteger(value) && value >= least && value <= most;
/** A text of less than this is of no use; more than the last fits into no model. */
const isTextSize = (value) => Number.isInteger(value) && value >= 1024 && value <= 16 * 1024 * 1024;

/** What the platform's configuration may set. Whatever is written is passed on: the native part names what it does not know. */
export function trustOptions({ platform_config: setting, model_hosts: hosts }) {
  return {
    ...(setting === undefined || setting === null ? {} : { platformConfig: String(setting) }),
    ...(hosts === undefined ? {} : { modelHosts: texts(hosts) }),
  };
}

/** How many waiting messages one turn answers. */
function collectOptions({ collect, collect_events: events, collect_characters: characters }) {
  if (collect === false) return { collectEvents: 1 };
  return {
    ...(isCount(events, 1, 100) ? { collectEvents: events } : {}),
    ...(isCount(characters, 1, 1_000_000) ? { collectCharacters: characters } : {}),
  };
}

/** A list of texts, of which a single one may stand alone. */
function texts(value) {
  const list = typeof value === "string" ? [value] : value;
  return Array.isArray(list) ? list.map(String) : [];
}

/**
 * @param {import("./account.js").ResolvedAccount} account
 * @param {{ agentId: string, stateDir?: string, configPath?: string }} place
 */
export function gatewayOptions(account, { agentId, stateDir, configPath }) {
  const { config } = account;
  const access = accessSettings(config);
  return {
    accountId: account.accountId,
    parallUrl: config.parall_url,
    apiKey: config.api_key,
    orgId: config.org_id,
    agentId,
    ...(config.ws_url ? { wsUrl: config.ws_url } : {}),
    ...(typeof config.replies === "string" ? { replies: config.replies } : {}),
    ...(isCount(config.max_forks) ? { maxForks: config.max_forks } : {}),
    ...(isCount(config.turn_minutes) ? { turnMinutes: config.turn_minutes } : {}),
    ...(isCount(config.agent_turns) ? { agentTurns: config.agent_turns } : {}),
    ...trustOptions(config),
    ...(access ? { accessSettings: access } : {}),
    ...(isTextSize(config.max_text_bytes) ? { maxTextBytes: config.max_text_bytes } : {}),
    ...(isCount(config.sender_turns, 1, 10_000) ? { senderTurns: config.sender_turns } : {}),
    ...(isCount(config.sender_waiting, 1, 10_000) ? { senderWaiting: config.sender_waiting } : {}),
    ...collectOptions(config),
    ...(isCount(config.media_max_mb, 1, 100) ? { mediaMaxMb: config.media_max_mb } : {}),
    ...(isCount(config.media_max_files, 0, 20) ? { mediaMaxFiles: config.media_max_files } : {}),
    ...(config.media_hosts === undefined ? {} : { mediaHosts: texts(config.media_hosts) }),
    ...(stateDir ? { stateDir } : {}),
    ...(configPath ? { configPath } : {}),
  };
}
