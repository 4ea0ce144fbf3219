import { invalid, missing, Refusal } from "../errors.js";
import { now } from "../ids.js";
import { page } from "../paging.js";
import { addChat } from "../staging.js";
import { chatView } from "../world.js";

/** Chats and who is in them. */
export const chatRoutes = [
  ["members.chats", "GET", "/orgs/:org/members/:member/chats", memberChats],
  ["chats.list", "GET", "/orgs/:org/chats", (call) => chatPage(call, [call.user.id])],
  ["chats.discoverable", "GET", "/orgs/:org/chats/discoverable", discoverable],
  ["chats.create", "POST", "/orgs/:org/chats", create],
  ["chats.get", "GET", "/orgs/:org/chats/:chat", ({ chat, user }) => chatView(chat, user.id)],
  [
    "chats.members",
    "GET",
    "/orgs/:org/chats/:chat/members",
    ({ chat }) => ({ data: chat.members.map((member) => ({ chat_id: chat.id, ...member })) }),
  ],
  ["chats.add_member", "POST", "/orgs/:org/chats/:chat/members", addMember],
];

const isIn = (chat, userId) => chat.members.some((member) => member.user_id === userId);

/** Own chats, or for another member those both are in. */
function memberChats(call) {
  const member = call.params.member === "me" ? call.user.id : call.params.member;
  requireMember(call.org, member);
  return chatPage(call, [call.user.id, member]);
}

function chatPage({ world, org, user, query }, userIds) {
  const inScope = world.choices.inScope(query.get("scope"));
  const chats = [...world.store.chats.values()].filter(
    (chat) => chat.org_id === org.id && inScope(chat) && userIds.every((userId) => isIn(chat, userId)),
  );
  return page(
    chats.map((chat) => chatView(chat, user.id)),
    query,
    world.choices,
  );
}

/** Public chats that the caller is not in. */
function discoverable({ world, org, user, query }) {
  const text = query.get("q")?.toLowerCase() ?? "";
  const found = [...world.store.chats.values()].filter(
    (chat) =>
      chat.org_id === org.id &&
      chat.visibility === "public" &&
      !isIn(chat, user.id) &&
      `${chat.name} ${chat.description ?? ""}`.toLowerCase().includes(text),
  );
  const { data } = page(found, query, world.choices);
  const view = ({ id, name, description, visibility, members }) => ({ id, name, description, visibility, member_count: members.length });
  return { data: data.map(view) };
}

/** A direct chat of the same two is made once. */
function create({ world, org, user, body }) {
  const { type, name = null, member_ids: memberIds } = body;
  if (!["direct", "group"].includes(type)) throw invalid("type must be direct or group");
  if (!Array.isArray(memberIds)) throw invalid("member_ids must be a list");
  for (const member of memberIds) requireMember(org, member);
  const members = [...new Set([user.id, ...memberIds])];
  if (type === "direct" && members.length !== 2) throw invalid("a direct chat has two members");
  const same = (chat) => chat.org_id === org.id && chat.type === "direct" && members.every((member) => isIn(chat, member));
  const existing = type === "direct" ? [...world.store.chats.values()].find(same) : undefined;
  const chat = existing ?? addChat(world, { type, name, members, org: org.id });
  return { status: existing ? 200 : 201, body: chatView(chat, user.id) };
}

function addMember({ world, org, chat, user, body }) {
  if (chat.members.find((member) => member.user_id === user.id).role !== "owner") throw new Refusal(403, "owners only");
  requireMember(org, body.user_id);
  if (chat.type === "direct") throw invalid("a direct chat has two members");
  if (!isIn(chat, body.user_id)) chat.members.push({ user_id: body.user_id, role: "member", notification_level: "all" });
  world.store.put("chats", chat.id, Object.assign(chat, { updated_at: now() }));
  return { status: 201, body: { chat_id: chat.id, ...chat.members.find((member) => member.user_id === body.user_id) } };
}

function requireMember(org, userId) {
  if (!org.members.some((member) => member.user_id === userId)) throw missing("member");
}
