import { missing } from "./errors.js";
import { newId, now } from "./ids.js";

/** Sets the stage: people, agents and chats that a test or the demo needs, without going through HTTP. */

export function addOrg(world, { id = newId("org"), name }) {
  return world.store.put("orgs", id, { id, name, is_personal: false, timezone: "UTC", created_at: now(), members: [] });
}

/**
 * @param {import("./world.js").World} world
 * @param {{ id?: string, name: string, org?: string, key?: string, role?: "owner" | "member" }} options
 * @returns {object} the user with its `key`
 */
export function addHuman(world, options) {
  const email = `${options.name.toLowerCase().replaceAll(/\W+/g, ".")}@example.test`;
  return addUser(world, { ...options, type: "human", fields: { email, email_verified: true } });
}

/** Like {@link addHuman}, for an agent. */
export function addAgent(world, options) {
  return addUser(world, { ...options, type: "agent", fields: { last_seen_at: null } });
}

function addUser(world, { id = newId("usr"), name, org = "org_demo", key = `key_${id}`, role = "member", type, fields }) {
  const home = existing(world.store.orgs, org, "organisation");
  const user = { id, type, display_name: name, status: "active", avatar_url: null, ...fields, created_at: now(), updated_at: now() };
  world.store.put("users", id, user);
  world.store.put("keys", key, { user_id: id, revoked: false });
  home.members.push({ user_id: id, role, joined_at: now() });
  world.store.put("orgs", org, home);
  return { ...user, key };
}

/**
 * @param {import("./world.js").World} world
 * @param {{ id?: string, type?: "direct" | "group", name?: string, members: string[], org?: string }} options a direct
 *   chat has two members
 */
export function addChat(world, { id = newId("cht"), type = "group", name = null, members, org = "org_demo", visibility = "private" }) {
  existing(world.store.orgs, org, "organisation");
  for (const member of members) existing(world.store.users, member, `user ${member}`);
  const chat = {
    id,
    org_id: org,
    type,
    name,
    description: null,
    visibility,
    creator_id: members[0],
    created_at: now(),
    updated_at: now(),
    last_message_at: null,
    last_message_preview: null,
    last_message_sender: null,
    archived_at: null,
    members: members.map((userId, index) => ({ user_id: userId, role: index === 0 ? "owner" : "member", notification_level: "all" })),
  };
  return world.store.put("chats", id, chat);
}

export function changeChat(world, { chat: chatId, ...fields }) {
  const chat = Object.assign(existing(world.store.chats, chatId, "chat"), fields, { updated_at: now() });
  world.store.put("chats", chatId, chat);
  const { members, ...shown } = chat;
  for (const member of members) world.emit(member.user_id, world.choices.chatUpdateEvent, world.choices.chatUpdateData(shown));
  return shown;
}

/** Puts a chat or a task away: `{ chat? , task? }`. */
export function archive(world, { chat, task }) {
  for (const [collection, id] of [
    ["chats", chat],
    ["tasks", task],
  ]) {
    if (id === undefined) continue;
    world.store.put(collection, id, Object.assign(existing(world.store[collection], id, id), { archived_at: now() }));
  }
}

/** Adds a label that tasks can carry. */
export function addLabel(world, { id = newId("lbl"), name, org = "org_demo" }) {
  return world.store.put("labels", id, { id, org_id: org, name });
}

/**
 * Writes a message as somebody.
 *
 * @param {import("./world.js").World} world
 * @param {{ from: string, chat: string, text?: string, thread?: string, noReply?: boolean, mentions?: string[], key?: string,
 *   attachments?: { file_name: string, mime_type?: string, content?: string | Buffer, base64?: string, file_size?: number,
 *   url?: string, id?: string }[] }} options an attachment with `id` is one that is there already; `file_size` and `url` may be lies
 * @returns {object} the message
 */
export function say(world, { from, chat, text = "", thread, noReply = false, mentions = [], key, attachments = [] }) {
  const { org_id: orgId } = world.chat(chat, from);
  const content = { text, ...(mentions.length > 0 && { mentions: world.choices.mentionContent(mentions) }) };
  const attachmentIds = attachments.map((file) => upload(world, orgId, from, file));
  return world.post(from, chat, {
    message_type: "text",
    content,
    attachment_ids: attachmentIds,
    hints: { no_reply: noReply },
    thread_root_id: thread,
    idempotency_key: key,
  }).message;
}

function upload(world, orgId, ownerId, { id: known, file_name, mime_type = "text/plain", content = "test file", base64, file_size, url }) {
  if (known !== undefined) return known;
  const id = newId("att");
  const bytes = base64 === undefined ? Buffer.from(content) : Buffer.from(base64, "base64");
  world.store.put("uploads", id, {
    id,
    org_id: orgId,
    owner_id: ownerId,
    secret: id,
    file_name,
    mime_type,
    file_size: file_size ?? bytes.length,
    url,
    content: bytes.toString("base64"),
    complete: true,
  });
  return id;
}

export function setPlatformConfig(world, config) {
  world.store.put("values", "platform_config", config);
  for (const user of world.store.users.values())
    if (user.type === "agent")
      world.emit(user.id, world.choices.agentConfigUpdateEvent, world.choices.agentConfigUpdateData(config.version));
}

export function revokeKey(world, userId) {
  for (const [key, owner] of world.store.keys) if (owner.user_id === userId) world.store.put("keys", key, { ...owner, revoked: true });
}

function existing(records, id, what) {
  const record = records.get(id);
  if (record === undefined) throw missing(what);
  return record;
}
