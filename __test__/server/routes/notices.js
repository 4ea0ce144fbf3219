import { missing } from "../errors.js";
import { page } from "../paging.js";

/** A person's notices: the inbox of mentions, and who watches what. */
export const noticeRoutes = [
  [
    "inbox.list",
    "GET",
    "/orgs/:org/inbox",
    ({ world, org, user, query }) => page(selected(mentions(world, org, user), query), query, world.choices),
  ],
  ["inbox.unread", "GET", "/orgs/:org/inbox/unread-count", ({ world, org, user }) => ({ count: mentions(world, org, user).length })],
  ["messages.watchers", "GET", "/messages/:message/watchers", (call) => ({ data: messageWatchers(call) })],
  [
    "messages.watching",
    "GET",
    "/messages/:message/watching",
    (call) => ({ watching: messageWatchers(call).some((watcher) => watcher.user_id === call.user.id) }),
  ],
  ["tasks.watchers", "GET", "/orgs/:org/tasks/:task/watchers", (call) => ({ data: taskWatchers(call) })],
];

/** Newest first. Nobody marks anything as read here. */
function mentions(world, org, user) {
  if (user.type !== "human") throw missing("route");
  const isMentioned = ({ content }) =>
    world.choices.mentionedUserIds(content).includes(user.id) || content.text.includes(`prll://${user.id}`);
  return world.messages
    .filter((message) => message.org_id === org.id && message.sender_id !== user.id && isMentioned(message))
    .map((message) => ({
      id: message.id.replace(/^msg/, "inb"),
      type: "mention",
      title: `${message.sender?.display_name ?? "Somebody"} mentioned you`,
      body: message.content.text,
      actor_id: message.sender_id,
      recipient_id: user.id,
      chat_id: message.chat_id,
      entity_id: message.id,
      entity_type: "message",
      org_id: org.id,
      read_at: null,
      created_at: message.created_at,
      updated_at: message.created_at,
    }))
    .toReversed();
}

function selected(notices, query) {
  const types = query.get("type")?.split(",");
  const wantsRead = query.get("read") === "true";
  return notices.filter((notice) => (types?.includes(notice.type) ?? true) && (notice.read_at !== null) === wantsRead);
}

/** Whoever wrote in the thread. */
function messageWatchers({ world, user, params }) {
  const root = world.message(params.message, user.id);
  const thread = world.chatMessages(root.chat_id).filter((one) => one.id === root.id || one.thread_root_id === root.id);
  return firstOfEach(thread, "sender_id").map((one) => ({ message_id: root.id, user_id: one.sender_id, created_at: one.created_at }));
}

/** Whoever made the task or commented on it. */
function taskWatchers({ world, org, params }) {
  const task = world.task(params.task, org.id);
  const comments = [...world.store.comments.values()].filter((one) => one.target_uri === `prll://${task.id}`);
  const origin = { author_id: task.creator_id, created_at: task.created_at };
  return firstOfEach([origin, ...comments], "author_id").map((one) => ({
    task_id: task.id,
    user_id: one.author_id,
    created_at: one.created_at,
  }));
}

const firstOfEach = (items, key) => items.filter((item, index) => items.findIndex((other) => other[key] === item[key]) === index);
