/** A whole scene on loopback: Parall, a scripted model, and one real OpenClaw with the packed plugin installed. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ScriptedModel } from "../model/model.js";
import { LocalParall } from "../server/server.js";
import { Host } from "./host.mjs";
import { startRegistry } from "./registry.mjs";

/** How long an answer may take. The newest host needs 30 s for its first one on a busy machine. */
export const ANSWER_LIMIT_MS = 180_000;
/** How long a host takes to notice a change of its configuration once it watches it. */
const WATCHER_LIMIT_MS = 10_000;

/**
 * @param {import("./versions.mjs").HostVersion} release
 * @param {{ section?: object, environment?: Record<string, string>, choices?: object, hidden?: string[], input?: string[],
 *   allow?: string[] }} [options] `section` is merged into `channels.parall`, `hidden` names packages the registry does not have,
 *   `input` says what the model takes, `allow` names further plugins of the host
 */
export async function openScene(release, { section = {}, environment = {}, choices, hidden = [], input = ["text"], allow = [] } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-scene-"));
  const registry = await startRegistry();
  for (const name of hidden) registry.hide(name);
  const scene = { folder, registry, stateFile: path.join(folder, "parall.json"), choices };
  scene.parall = await LocalParall.start({ stateFile: scene.stateFile, choices });
  scene.people = scene.parall.seed();
  scene.model = await ScriptedModel.start();
  scene.host = new Host(release, { registry: registry.url, environment: { ...environment } });
  scene.section = { parall_url: scene.parall.url, api_key: scene.people.agent.key, org_id: scene.people.org, ...section };
  await scene.host.configure({ ...modelSettings(scene.model.baseUrl, input), plugins: { allow: ["parall", ...allow] } });
  scene.installation = await scene.host.installPlugin(registry.main);
  return scene;
}

/** Writes `channels.parall`. */
export function prepareScene(scene) {
  const config = scene.host.readConfig();
  scene.host.writeConfig({ ...config, channels: { ...config.channels, parall: scene.section } });
}

/** Writes `channels.parall` and starts the gateway; waits for the connection by default. */
export async function startScene(scene, { connected = true } = {}) {
  prepareScene(scene);
  await scene.host.start();
  if (connected) await scene.host.until("the plugin connects", () => scene.parall.sockets.of(scene.people.agent.id).length > 0);
}

/**
 * Changes `channels.parall` and waits until `seen`. A host that has just started does not watch its configuration yet, so the
 * same is written again until it is seen.
 */
export function changeSection(scene, change, what, seen) {
  const config = scene.host.readConfig();
  const changed = { ...config, channels: { ...config.channels, parall: { ...config.channels.parall, ...change } } };
  let written = Number.NEGATIVE_INFINITY;
  return scene.host.until(what, () => {
    const now = performance.now();
    if (now - written > WATCHER_LIMIT_MS) {
      written = now;
      scene.host.writeConfig(changed);
    }
    return seen();
  });
}

/** Stops Parall and starts it again, with all it knew, at the same address. */
export async function interruptParall(scene, meanwhile) {
  const { port } = scene.parall;
  await scene.parall.close();
  await meanwhile?.();
  scene.parall = await LocalParall.start({ port, stateFile: scene.stateFile, choices: scene.choices });
}

export async function closeScene(scene) {
  await scene.host.dispose();
  await Promise.all([scene.model.close(), scene.parall.close(), scene.registry.close()]);
  rmSync(scene.folder, { recursive: true, force: true });
}

/** The agent's messages in a chat. */
export function answers(scene, chat) {
  return scene.parall.messages(chat).filter((message) => message.sender_id === scene.people.agent.id);
}

/** How many dispatches are not acknowledged. */
export const openDispatches = ({ parall, people }) => parall.world.openDispatches(people.agent.id).size;

/** Waits for the agent's message that contains `text`. */
export function answerWith(scene, text) {
  const fits = (message) => message.sender_id === scene.people.agent.id && message.content.text.includes(text);
  return scene.parall.waitForMessage(fits, ANSWER_LIMIT_MS).catch((error) => {
    throw new Error(`${error.message}\n${scene.host.logs().slice(-4000)}`);
  });
}

function modelSettings(baseUrl, input) {
  const model = {
    id: "scripted-1",
    name: "Scripted",
    reasoning: false,
    input,
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 200_000,
    maxTokens: 4096,
  };
  return {
    models: { providers: { scripted: { baseUrl, apiKey: "sk-scripted", api: "openai-completions", models: [model] } } },
    agentDefaults: { model: { primary: "scripted/scripted-1" } },
  };
}
