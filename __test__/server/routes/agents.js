import { invalid, missing, Refusal } from "../errors.js";
import { newId, now } from "../ids.js";
import { page } from "../paging.js";
import { addAgent } from "../staging.js";
import { agentView } from "./people.js";

/** Agents as their organisation sees and keeps them. */
export const agentRoutes = [
  ["agents.create", "POST", "/orgs/:org/agents", create],
  ["agents.change", "PATCH", "/orgs/:org/agents/:agent", change],
  ["agents.new_key", "POST", "/orgs/:org/agents/:agent/api-keys", newKey],
  ["agents.instructions", "GET", "/orgs/:org/agents/:agent/instructions", instructions],
  ["agents.manager", "GET", "/orgs/:org/agents/:agent/manager", manager],
  ["agents.activity", "GET", "/orgs/:org/agents/:agent/activity", activity],
  ["agents.monitor", "GET", "/orgs/:org/agents/:agent/monitor", monitor],
  ["agents.sessions", "GET", "/orgs/:org/agents/:agent/sessions", sessions],
];

const ownerOf = (org) => org.members.find((member) => member.role === "owner")?.user_id ?? null;

function requireOwner({ org, user }) {
  if (!org.members.some((member) => member.user_id === user.id && member.role === "owner")) throw new Refusal(403, "owners only");
}

function agentOf({ world, org, params }) {
  const agent = world.store.users.get(params.agent);
  if (agent?.type !== "agent" || !org.members.some((member) => member.user_id === agent.id)) throw missing("agent");
  return agent;
}

function displayName({ display_name: name }) {
  if (typeof name !== "string" || name.trim() === "") throw invalid("display_name must not be empty");
  return name;
}

function create(call) {
  const { world, org, body } = call;
  requireOwner(call);
  const name = displayName(body);
  const { key, ...user } = addAgent(world, { name, org: org.id, key: newId("key") });
  return { status: 201, body: { user, api_key: key } };
}

function change(call) {
  const { world, body, org } = call;
  requireOwner(call);
  const agent = Object.assign(agentOf(call), { display_name: displayName(body), updated_at: now() });
  return agentView(world, org, world.store.put("users", agent.id, agent));
}

function newKey(call) {
  requireOwner(call);
  const key = newId("key");
  call.world.store.put("keys", key, { user_id: agentOf(call).id, revoked: false });
  return { status: 201, body: { id: newId("akey"), api_key: key } };
}

function instructions(call) {
  const { id, created_at: updatedAt } = agentOf(call);
  const body = { agent_user_id: id, instructions: "", version: 1, updated_at: updatedAt, updated_by: ownerOf(call.org) };
  return { status: 200, body, headers: { "cache-control": "no-store" } };
}

function manager(call) {
  const { id, created_at: updatedAt } = agentOf(call);
  return { agent_user_id: id, manager_user_id: ownerOf(call.org), version: 1, updated_at: updatedAt };
}

/** What the agent wrote where the caller may read, newest first. */
function activity(call) {
  const { world, user, query } = call;
  const { id } = agentOf(call);
  const isIn = (chatId) => world.store.chats.get(chatId).members.some((member) => member.user_id === user.id);
  return page(world.messages.filter((message) => message.sender_id === id && isIn(message.chat_id)).toReversed(), query, world.choices);
}

function monitor(call) {
  const { world } = call;
  const { id } = agentOf(call);
  const online = world.isOnline(id);
  const telemetry = { queue_depth: world.openDispatches(id).size };
  return { data: { online, status: online ? "idle" : "offline", session_id: null, last_heartbeat_at: null, telemetry } };
}

/** This server runs no agents, so there are no sessions; only those who govern the agent may know. */
function sessions(call) {
  if (agentOf(call).id !== call.user.id) requireOwner(call);
  return page([], call.query, call.world.choices);
}
