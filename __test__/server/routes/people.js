import { missing } from "../errors.js";
import { page } from "../paging.js";
import { chatView } from "../world.js";

/** Users, organisations, agents and chats. */
export const peopleRoutes = [
  ["users.me", "GET", "/users/me", ({ user }) => user],
  [
    "orgs.list",
    "GET",
    "/orgs",
    ({ world, user }) => ({
      data: [...world.store.orgs.values()].filter((org) => roleIn(org, user.id)).map((org) => orgView(org, user.id)),
    }),
  ],
  ["orgs.get", "GET", "/orgs/:org", ({ org, user }) => orgView(org, user.id)],
  [
    "members.list",
    "GET",
    "/orgs/:org/members",
    ({ world, org }) => ({ data: org.members.map((member) => memberView(world, org, member)) }),
  ],
  ["members.former", "GET", "/orgs/:org/members/former", () => ({ user_ids: [] })],
  ["members.profile", "GET", "/orgs/:org/members/:member/profile", profile],
  ["members.chats", "GET", "/orgs/:org/members/:member/chats", memberChats],
  ["agents.list", "GET", "/orgs/:org/agents", ({ world, org }) => ({ data: agentsOf(world, org) })],
  ["agents.me", "GET", "/orgs/:org/agents/me", agentMe],
  ["chats.list", "GET", "/orgs/:org/chats", (call) => chatPage(call, [call.user.id])],
  ["chats.get", "GET", "/orgs/:org/chats/:chat", ({ chat }) => chatView(chat)],
  [
    "chats.members",
    "GET",
    "/orgs/:org/chats/:chat/members",
    ({ chat }) => ({ data: chat.members.map((member) => ({ chat_id: chat.id, ...member })) }),
  ],
];

const roleIn = (org, userId) => org.members.find((member) => member.user_id === userId)?.role;

function orgView({ members, ...org }, userId) {
  return { ...org, role: roleIn({ members }, userId) };
}

function memberView(world, org, member) {
  const { id, display_name, type, status } = world.store.users.get(member.user_id);
  return { org_id: org.id, ...member, title: null, description: null, profile_version: 1, user: { id, display_name, type, status } };
}

function profile({ world, org, params }) {
  if (roleIn(org, params.member) === undefined) throw missing("member");
  const { id, display_name, type } = world.store.users.get(params.member);
  return { user_id: id, display_name, type, title: null, description: null, profile_version: 1 };
}

/** Own chats, or for another member those both are in. */
function memberChats(call) {
  const member = call.params.member === "me" ? call.user.id : call.params.member;
  if (roleIn(call.org, member) === undefined) throw missing("member");
  return chatPage(call, [call.user.id, member]);
}

function chatPage({ world, org, query }, userIds) {
  const isIn = (chat, userId) => chat.members.some((member) => member.user_id === userId);
  const chats = [...world.store.chats.values()].filter((chat) => chat.org_id === org.id && userIds.every((userId) => isIn(chat, userId)));
  return page(chats.map(chatView), query, world.choices);
}

function agentsOf(world, org) {
  return org.members
    .map((member) => world.store.users.get(member.user_id))
    .filter((user) => user.type === "agent")
    .map((user) => withPresence(world, user));
}

function agentMe({ world, user }) {
  if (user.type !== "agent") throw missing("agent");
  return withPresence(world, user);
}

function withPresence(world, user) {
  const online = world.isOnline(user.id);
  return { ...user, presence: { online, status: online ? "online" : "offline" } };
}
