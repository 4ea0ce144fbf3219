/** Changes of one account in the host's configuration, which the host writes. */
import { CHANNEL, canonicalId, DEFAULT_ACCOUNT, isObject, namedAccounts, sectionOf } from "./account-ids.js";

/** The configuration with some settings of an account changed. Those of the default account are the section's. */
export function changeAccount(cfg, accountId, settings) {
  const section = sectionOf(cfg) ?? {};
  const { id, name } = placeOf(section, accountId);
  if (id === DEFAULT_ACCOUNT && name === undefined) return withSection(cfg, { ...section, ...settings });
  return changeNamed(cfg, section, accountId, settings);
}

function changeNamed(cfg, section, accountId, settings) {
  const { id, name, accounts } = placeOf(section, accountId);
  const own = name === undefined || !isObject(accounts[name]) ? {} : accounts[name];
  return withSection(cfg, { ...section, accounts: { ...accounts, [name ?? id]: { ...own, ...settings } } });
}

/** Switches one account. The section would switch all, so beside others the default account is switched among them. */
export function setAccountEnabled({ cfg, accountId, enabled }) {
  const section = sectionOf(cfg);
  if (namedAccounts(section).size > 0) return changeNamed(cfg, section, accountId, { enabled });
  return changeAccount(cfg, accountId, { enabled });
}

/** The configuration without an account. What other accounts take over from the section stays, without its key. */
export function removeAccount({ cfg, accountId }) {
  const section = sectionOf(cfg);
  if (!section) return withSection(cfg, undefined);
  const { id, name, accounts } = placeOf(section, accountId);
  const { [name]: _removed, ...others } = accounts;
  const isLast = Object.keys(others).length === 0;
  if (id !== DEFAULT_ACCOUNT) {
    const { accounts: _accounts, ...rest } = section;
    return withSection(cfg, isLast ? rest : { ...section, accounts: others });
  }
  const { api_key: _key, ...rest } = section;
  return withSection(cfg, isLast ? undefined : { ...rest, accounts: others });
}

/** Where an account is: its id, its name in `accounts` if it has one, and all that are there. */
function placeOf(section, accountId) {
  const id = typeof accountId === "string" && accountId.trim() !== "" ? canonicalId(accountId) : DEFAULT_ACCOUNT;
  const accounts = isObject(section.accounts) ? section.accounts : {};
  const name = namedAccounts(section).has(id) ? Object.keys(accounts).find((one) => canonicalId(one) === id) : undefined;
  return { id, name, accounts };
}

function withSection(cfg, section) {
  const channels = { ...cfg?.channels };
  if (section === undefined) delete channels[CHANNEL];
  else channels[CHANNEL] = section;
  return { ...cfg, channels };
}
