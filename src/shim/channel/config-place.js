/** Where the host keeps its state and reads its configuration, by the host's own rules. */
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { resolveStateDir } from "../host.js";

const FILE = "openclaw.json";
/** The file's name before the host was renamed; hosts still read it where the new one is missing. */
const FORMER_FILE = "clawdbot.json";

/**
 * @param {any} runtime the host's `api.runtime`, where there is one
 * @param {Record<string, string | undefined>} [environment]
 * @returns {{ stateDir: string, configPath: string }}
 */
export function configPlace(runtime, environment = process.env) {
  const home = environment.OPENCLAW_HOME?.trim() || os.homedir();
  const absolute = (given) => path.resolve(given.replace(/^~(?=$|[\\/])/, home));
  const named = environment.OPENCLAW_STATE_DIR?.trim();
  const stateDir = resolveStateDir(runtime) ?? (named ? absolute(named) : path.join(home, ".openclaw"));
  const override = environment.OPENCLAW_CONFIG_PATH?.trim();
  if (override) return { stateDir, configPath: absolute(override) };
  const files = [FILE, FORMER_FILE].map((name) => path.join(stateDir, name));
  return { stateDir, configPath: files.find((file) => existsSync(file)) ?? files[0] };
}
