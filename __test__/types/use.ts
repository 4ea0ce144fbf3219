/** What direct users write; compiled by packaging.test.mjs, never run. */
import entry from "@parall/parall";
import { listParallAccountIds, type ParallError, resolveParallAccount } from "@parall/parall/native";

const cfg = { channels: { parall: { parall_url: "https://parall.example", api_key: "agk_1", org_id: "org_1" } } };

const ids: string[] = listParallAccountIds(cfg);
const account = resolveParallAccount({ cfg, accountId: ids[0] ?? null });
const configured: boolean = account.configured;
const accountId: string = account.accountId;

// @ts-expect-error a configuration is needed
listParallAccountIds();
// @ts-expect-error the id of the plugin is fixed
const other: "other" = entry.id;

export const codeOf = (error: ParallError): string => error.code;
export { accountId, configured, other };
