/** `openclaw parall config diff`: what the platform's configuration would change, without changing it. */
import { resolveAccount, unconfiguredReason } from "./account.js";
import { configPlace } from "./config-place.js";
import { diffPlatformConfig } from "./native.js";
import { shared } from "./state.js";

const COMMAND = { name: "parall", description: "Parall: platform configuration", hasSubcommands: true };

/**
 * Offers the command to the host. Nothing is loaded until somebody runs it, so this is right in every registration mode.
 *
 * @param {any} api the host's object of one registration
 */
export function registerCommand(api) {
  api.registerCli?.(
    ({ program, config }) => {
      const parall = program.command(COMMAND.name).description(COMMAND.description);
      const platform = parall.command("config").description("The configuration that the platform sends");
      platform
        .command("diff")
        .description("Show what it would change in openclaw.json, without changing anything")
        .action(() => diff(config, (line) => console.log(line)));
    },
    { descriptors: [COMMAND] },
  );
}

/**
 * @param {any} cfg the host's configuration
 * @param {(line: string) => void} print
 */
export async function diff(cfg, print) {
  const { configured, config } = resolveAccount(cfg);
  if (!configured) return fail(print, unconfiguredReason(cfg));
  try {
    const outcome = await diffPlatformConfig({
      credentials: { api_key: config.api_key, parall_url: config.parall_url },
      ...configPlace(shared().runtime),
    });
    for (const line of describe(outcome)) print(line);
    if (outcome.status === "unavailable" || outcome.status === "refused") process.exitCode = 1;
  } catch (error) {
    fail(print, `${error.message} (${error.code})`);
  }
}

/** The outcome of a dry run, line by line. */
export function describe({ version, changes, notes }) {
  const lines = notes.map(({ level, message }) => (level === "info" ? message : `${level}: ${message}`));
  const name = version === undefined ? "" : ` (version ${version})`;
  if (changes.length === 0) return [...lines, `The platform config${name} changes nothing.`];
  for (const file of new Set(changes.map((change) => change.file))) {
    lines.push(`The platform config${name} would change ${file}:`);
    for (const change of changes.filter((one) => one.file === file)) {
      lines.push(`  ${change.path}`);
      if (change.before !== undefined) lines.push(`    - ${change.before}`);
      lines.push(`    + ${change.after}`);
    }
  }
  return lines;
}

function fail(print, reason) {
  print(`error: ${reason}`);
  process.exitCode = 1;
}
