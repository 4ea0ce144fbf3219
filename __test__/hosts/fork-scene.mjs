/** A host with the installed plugin and the companion, through which tests drive forks. */
import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { askDatabase, sessionsFolder, storeEntries } from "./host-sessions.mjs";
import { ANSWER_LIMIT_MS, closeScene, openScene, startScene } from "./scene.mjs";

const COMPANION = fileURLToPath(new URL("companion", import.meta.url));
/** A session beside the account's own, named like it: what a crash cut off there is the account's, not the host's, to run again. */
export const PARENT = "agent:main:parall:default-companion";

export class ForkScene {
  /**
   * @param {import("./versions.mjs").HostVersion} release
   * @param {{ contextWindow?: number }} [options] how many tokens the model says it takes
   */
  static async open(release, { contextWindow } = {}) {
    const scene = new ForkScene();
    scene.scene = await openScene(release);
    const { host } = scene.scene;
    scene.host = host;
    scene.model = scene.scene.model;
    scene.portFile = path.join(host.root, "companion.port");
    host.environment.PARALL_COMPANION_PORT = scene.portFile;
    host.environment.PARALL_COMPANION_SHIM = path.join(host.pluginFolder(), "src", "shim");
    const config = host.readConfig();
    const entries = { ...config.plugins.entries, "parall-companion": { enabled: true } };
    if (contextWindow) config.models.providers.scripted.models[0].contextWindow = contextWindow;
    const plugins = { ...config.plugins, allow: ["parall", "parall-companion"], load: { paths: [COMPANION] }, entries };
    host.writeConfig({ ...config, plugins, tools: { exec: { security: "full", ask: "off" } } });
    await startScene(scene.scene);
    await scene.ready();
    return scene;
  }

  async ready() {
    await this.host.until("the companion listens", () => existsSync(this.portFile));
  }

  /** Kills the gateway and starts it again; waits until the account runs. */
  async crash() {
    await this.host.stop("SIGKILL");
    rmSync(this.portFile, { force: true });
    await startScene(this.scene);
    await this.ready();
  }

  close() {
    return closeScene(this.scene);
  }

  /** Asks the companion. */
  async ask(action, given = {}) {
    const url = `http://127.0.0.1:${readFileSync(this.portFile, "utf8")}/${action}`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ parentSessionKey: PARENT, ...given }) });
    const value = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(value.message), { code: value.code });
    return value;
  }

  /** @returns {Promise<import("../../src/shim/forks/fork.js").Fork>} */
  async fork(given) {
    const { result } = await this.ask("create", given);
    if (!result.fork || result.fallback) throw new Error(`no fork, or not in the quick way: ${JSON.stringify(result)}`);
    return result.fork;
  }

  /** Runs a turn to its end; the texts that were delivered are in the outcome. */
  turn(text, sessionKey = PARENT) {
    return this.ask("turn", { sessionKey, text, id: randomUUID() });
  }

  /** The model's request whose last user message contains `text`. */
  request(text) {
    return this.model.waitForRequest((request) => request.user.includes(text), ANSWER_LIMIT_MS);
  }

  /** Puts a compaction at the end of the parent's transcript; it keeps what follows the user's message with this text. */
  async compact(kept, summary) {
    const entry = storeEntries(this.host)?.[PARENT];
    if (entry === undefined) return await this.ask("compact", { kept, summary });
    const file = path.resolve(sessionsFolder(this.host), entry.sessionFile);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    const entries = lines.map((line) => JSON.parse(line));
    const firstKeptEntryId = entries.find(({ message }) => message?.role === "user" && JSON.stringify(message).includes(kept)).id;
    const place = { id: randomUUID().slice(0, 8), parentId: entries.at(-1).id, timestamp: new Date().toISOString() };
    appendFileSync(file, `${JSON.stringify({ type: "compaction", ...place, summary, firstKeptEntryId, tokensBefore: 1000 })}\n`);
  }

  /** A digest of everything that is stored of a session's transcript, and its entry. */
  transcript(sessionKey) {
    const entry = storeEntries(this.host)?.[sessionKey];
    if (entry === undefined) return askDatabase(this.host, "transcript", sessionKey);
    const file = path.resolve(sessionsFolder(this.host), entry.sessionFile);
    return { sessionId: entry.sessionId, file, digest: createHash("sha256").update(readFileSync(file)).digest("hex") };
  }

  /** Every place in the host's state that still names an id: files by name, the store, rows of the database. */
  traces(id) {
    const files = readdirSync(path.join(this.host.stateDir, "agents"), { recursive: true }).filter((name) => name.includes(id));
    const entries = storeEntries(this.host);
    if (entries === undefined) return [...files, ...askDatabase(this.host, "traces", id)];
    return [...files, ...Object.entries(entries).flatMap(([key, entry]) => (`${key} ${JSON.stringify(entry)}`.includes(id) ? [key] : []))];
  }
}
