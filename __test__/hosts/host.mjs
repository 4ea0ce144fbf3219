/** One real OpenClaw in a folder of its own: nothing it reads or writes lies outside, and nothing it runs stays behind. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installHost } from "./versions.mjs";

/** What may take how long on a busy machine with two slow cores. */
const START_LIMIT_MS = 240_000;
const COMMAND_LIMIT_MS = 240_000;
const EVENT_LIMIT_MS = 180_000;
const AGE_BOOTS = fileURLToPath(new URL("age-boots.mjs", import.meta.url));
/** How long a gateway may take to end by itself before it is killed. */
const STOP_LIMIT_MS = 30_000;
/** Variables of the machine a host may see; everything else, credentials above all, stays out. */
const INHERITED = ["PATH", "LANG", "LC_ALL", "TZ"];

export class Host {
  /**
   * @param {import("./versions.mjs").HostVersion} release
   * @param {{ registry?: string, environment?: Record<string, string> }} [options]
   */
  constructor(release, { registry, environment = {} } = {}) {
    this.release = release;
    this.program = installHost(release);
    this.root = mkdtempSync(path.join(os.tmpdir(), `parall-host-${release.version}-`));
    this.stateDir = path.join(this.root, "state");
    this.configFile = path.join(this.stateDir, "openclaw.json");
    this.logFile = path.join(this.root, "openclaw.log");
    this.outputFile = path.join(this.root, "gateway.out");
    this.environment = environment;
    for (const folder of ["home", "state", "tmp", "workspace"]) mkdirSync(path.join(this.root, folder));
    if (registry) writeFileSync(path.join(this.root, "home", ".npmrc"), `registry=${registry}\nfund=false\naudit=false\n`);
    this.gateway = undefined;
    this.port = undefined;
  }

  /** Writes the configuration; `extra` is merged over the parts every test needs. */
  async configure(extra = {}) {
    this.port ??= await freePort();
    const plugins = { allow: ["parall"], ...this.readConfig().plugins, ...extra.plugins };
    this.writeConfig({
      gateway: {
        mode: "local",
        port: this.port,
        bind: "loopback",
        auth: { mode: "token", token: "test-token" },
        controlUi: { enabled: false },
      },
      agents: {
        defaults: { workspace: path.join(this.root, "workspace"), skipBootstrap: true, heartbeat: { every: "0m" }, ...extra.agentDefaults },
      },
      // The oldest host begins a new session at four in the morning, which would fall into some test.
      session: { reset: { mode: "idle", idleMinutes: 10_080 } },
      update: { checkOnStart: false },
      discovery: { mdns: { mode: "off" } },
      logging: { file: this.logFile },
      ...(extra.models ? { models: extra.models } : {}),
      ...(extra.channels ? { channels: extra.channels } : {}),
      plugins,
    });
  }

  readConfig() {
    return existsSync(this.configFile) ? JSON.parse(readFileSync(this.configFile, "utf8")) : {};
  }

  writeConfig(config) {
    writeFileSync(this.configFile, JSON.stringify(config, null, 2), { mode: 0o600 });
  }

  /** Installs the plugin as a user does, from a tarball or a package name. */
  async installPlugin(source) {
    return this.command(["plugins", "install", source, ...this.release.flags]);
  }

  /** Where the plugin was installed. */
  pluginFolder() {
    const extension = path.join(this.stateDir, "extensions", "parall");
    return existsSync(extension) ? extension : undefined;
  }

  /**
   * Runs one command of the host to its end.
   *
   * @returns {Promise<{ code: number | null, out: string, err: string }>}
   */
  async command(parameters, { environment = {} } = {}) {
    const child = this.#spawn(parameters, ["ignore", "pipe", "pipe"], environment);
    const limit = setTimeout(() => child.kill("SIGKILL"), COMMAND_LIMIT_MS);
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    const [code] = await once(child, "close");
    clearTimeout(limit);
    return { code, out, err };
  }

  /** Starts the gateway and waits until it answers. */
  async start() {
    this.launch();
    const healthy = () => fetch(`http://127.0.0.1:${this.port}/healthz`).then((answer) => answer.ok);
    await this.until("the gateway answers", healthy, START_LIMIT_MS);
  }

  /** Starts the gateway. */
  launch() {
    const output = createWriteStream(this.outputFile, { flags: "a" });
    this.gateway = this.#spawn(["gateway", "run", "--port", String(this.port), "--bind", "loopback"], ["ignore", "pipe", "pipe"], {}, true);
    this.gateway.stdout.pipe(output, { end: false });
    this.gateway.stderr.pipe(output, { end: false });
    this.exited = once(this.gateway, "exit").then(([code, signal]) => ({ code, signal }));
  }

  /** @returns {Promise<{ code: number | null, signal: string | null }>} `SIGKILL` when it did not end by itself */
  async stop(signal = "SIGTERM") {
    if (!this.isRunning) return this.exited;
    if (signal === "SIGKILL") this.#kill();
    else this.gateway.kill(signal);
    const last = setTimeout(() => this.#kill(), STOP_LIMIT_MS);
    const result = await this.exited;
    clearTimeout(last);
    if (signal === "SIGKILL") this.#forgetCrashes();
    return result;
  }

  /** Whether the gateway was started and has not ended. */
  get isRunning() {
    return this.gateway !== undefined && this.gateway.exitCode === null && this.gateway.signalCode === null;
  }

  /** What the gateway printed. */
  output() {
    return readIfThere(this.outputFile);
  }

  /** Everything the host wrote, to its log and its output. */
  logs() {
    return `${this.output()}\n${readIfThere(this.logFile)}`;
  }

  /** Waits until `check` gives something truthy; ends early when the gateway does. */
  async until(what, check, milliseconds = EVENT_LIMIT_MS) {
    const end = performance.now() + milliseconds;
    let last;
    while (performance.now() < end) {
      if (this.gateway && !this.isRunning) break;
      try {
        const value = await check();
        if (value) return value;
      } catch (error) {
        last = error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${this.release.version}: ${what}: did not happen (${last?.message ?? "no error"})\n${this.logs().slice(-4000)}`);
  }

  async dispose() {
    await this.stop();
    if (!process.env.PARALL_KEEP_HOSTS) rmSync(this.root, { recursive: true, force: true, maxRetries: 20 });
  }

  /**
   * The newest hosts start no channel after three crashes within five minutes. After this, those that were are long past. Hosts that
   * do not count them have no such database.
   */
  #forgetCrashes() {
    const database = path.join(this.stateDir, "state", "openclaw.sqlite");
    if (existsSync(database)) execFileSync(this.program.node, ["--no-warnings", AGE_BOOTS, database]);
  }

  /** The gateway runs in a child of the process we started, so the whole group has to die. */
  #kill() {
    process.kill(-this.gateway.pid, "SIGKILL");
  }

  #spawn(parameters, stdio, environment = {}, detached = false) {
    const inherited = Object.fromEntries(INHERITED.filter((name) => process.env[name]).map((name) => [name, process.env[name]]));
    return spawn(this.program.node, [this.program.openclaw, ...parameters], {
      cwd: this.root,
      stdio,
      detached,
      env: {
        ...inherited,
        PATH: `${path.dirname(this.program.node)}:${process.env.PATH}`,
        HOME: path.join(this.root, "home"),
        OPENCLAW_HOME: path.join(this.root, "home"),
        OPENCLAW_STATE_DIR: this.stateDir,
        OPENCLAW_CONFIG_PATH: this.configFile,
        OPENCLAW_DISABLE_BONJOUR: "1",
        // Otherwise the program starts itself once more, and a signal that cannot be caught hits only the outer process.
        OPENCLAW_NO_RESPAWN: "1",
        OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: "1",
        TMPDIR: path.join(this.root, "tmp"),
        NODE_COMPILE_CACHE: path.join(this.root, "compile-cache"),
        NO_COLOR: "1",
        CI: "1",
        ...this.environment,
        ...environment,
      },
    });
  }
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
