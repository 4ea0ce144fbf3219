/** Entry of the plugin. The host calls `register` several times a process, with different objects, also in command-line runs. */
import { registerCommand } from "./commands/register.js";
import { registerPage } from "./page/register.js";
import { plugin } from "./plugin.js";
import { remember } from "./state.js";
import { registerTools } from "./tools/register.js";

/** Registrations that describe commands or tools only. */
const WITHOUT_CHANNEL = new Set(["cli-metadata", "tool-discovery"]);

export default {
  id: "parall",
  name: "Parall",
  description: "Parall channel: chats, threads and tasks with people and other agents.",
  configSchema: { jsonSchema: { type: "object", additionalProperties: false, properties: {} } },
  register(api) {
    registerCommand(api);
    if (api.registrationMode !== "cli-metadata") registerTools(api);
    if (WITHOUT_CHANNEL.has(api.registrationMode)) return;
    remember(api);
    api.registerChannel({ plugin });
    if ((api.registrationMode ?? "full") === "full") registerPage(api);
  },
};
