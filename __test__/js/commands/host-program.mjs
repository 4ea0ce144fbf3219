/** The commands of an operator without a host. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerCommand } from "../../../src/shim/commands/register.js";
import { terminal } from "../../../src/shim/commands/terminal.js";
import { shared } from "../../../src/shim/state.js";

/** The part of the host's command-line library that the plugin uses. */
class Program {
  #commands = new Map();
  #action;

  command(name) {
    const child = new Program();
    this.#commands.set(name.split(" ")[0], child);
    return child;
  }
  description() {
    return this;
  }
  option() {
    return this;
  }
  action(action) {
    this.#action = action;
    return this;
  }
  run([name, ...rest]) {
    const child = this.#commands.get(name);
    return child ? child.run(rest) : this.#action(...[name, ...rest].filter((value) => value !== undefined));
  }
}

/** Runs `openclaw parall ...` and gives the lines it printed and whether it failed. */
export const command = (t, ...words) => commandWith(t, {}, ...words);

/** The same with a configuration of the host. */
export async function commandWith(t, config, ...words) {
  const program = new Program();
  registerCommand({ registerCli: (register) => register({ program, config }) });
  const log = t.mock.method(terminal, "print", () => {});
  try {
    await program.run(["parall", ...words]);
    return { text: log.mock.calls.map((call) => call.arguments[0]).join("\n"), failed: process.exitCode === 1 };
  } finally {
    log.mock.restore();
    process.exitCode = undefined;
  }
}

/** A folder in which the commands look for the journal. */
export async function stateFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), "parall-operator-"));
  shared().runtime = { state: { resolveStateDir: () => folder } };
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
