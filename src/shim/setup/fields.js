/** `openclaw channels add --channel parall ...`: options -> `channels.parall`, or one of its accounts. */
import { changeAccount } from "../channel/change.js";

/**
 * Newer hosts offer the options that package.json declares (`--url --api-key --org-id --ws-url --use-env`). The oldest ones
 * have a fixed list, of which `--url`, `--token` and `--use-env` fit.
 */
const SETTINGS = {
  parall_url: ["url"],
  api_key: ["apiKey", "token"],
  org_id: ["orgId"],
  ws_url: ["wsUrl"],
};

export const setup = {
  validateInput: ({ input }) => {
    const given = readSettings(input);
    if (Object.keys(given).length === 0 && input?.useEnv !== true) {
      return "Parall needs --url and the key of an agent (--api-key, on older hosts --token), or --use-env with PRLL_API_URL, PRLL_API_KEY and PRLL_ORG_ID set.";
    }
    return given.parall_url && !/^https?:\/\//i.test(given.parall_url) ? "--url must start with https:// or http://" : null;
  },
  applyAccountConfig: ({ cfg, accountId, input }) => changeAccount(cfg, accountId, { enabled: true, ...readSettings(input) }),
};

function readSettings(input) {
  const found = Object.entries(SETTINGS).map(([name, options]) => [
    name,
    options
      .map((option) => input?.[option])
      .find((value) => typeof value === "string" && value.trim() !== "")
      ?.trim(),
  ]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}
