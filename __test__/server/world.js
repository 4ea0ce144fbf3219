import { createHash } from "node:crypto";
import { invalid, missing, Refusal } from "./errors.js";
import { newId, now } from "./ids.js";

/**
 * What Parall does, without HTTP: people and agents, chats and messages, dispatches, tasks. Each change ends with
 * {@link World#commit}, which first writes the state and then hands the frames to the sockets.
 */
export class World {
  #unsent = [];
  #framesOf = new Map();
  #chatMessages = new Map();
  #openDispatches = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {{ choices: object, faults: import("./faults.js").Faults, journal: import("./journal.js").Journal, generation: () => string, origin: () => string }} parts
   */
  constructor(store, { choices, faults, journal, generation, origin }) {
    Object.assign(this, { store, choices, faults, journal, generation, origin });
    /** Set by the socket part: `(userId, frame)`. */
    this.deliver = () => {};
    this.idempotencyHits = 0;
    /** All messages, oldest first. */
    this.messages = [...store.messages.values()];
    for (const message of this.messages) this.chatMessages(message.chat_id).push(message);
    for (const dispatch of store.dispatches.values())
      if (dispatch.status !== choices.acknowledgedStatus) this.openDispatches(dispatch.agent_id).set(dispatch.id, dispatch);
    for (const record of store.frames.values()) this.frames(record.user_id).push(record.frame);
  }

  /** Messages of a chat, oldest first. */
  chatMessages(chatId) {
    return entry(this.#chatMessages, chatId, () => []);
  }

  /** Dispatches of an agent that are not acknowledged, oldest first. */
  openDispatches(agentId) {
    return entry(this.#openDispatches, agentId, () => new Map());
  }

  /** Frames that can be replayed to a user, oldest first. */
  frames(userId) {
    return entry(this.#framesOf, userId, () => []);
  }

  commit() {
    this.store.commit();
    const frames = this.#unsent;
    this.#unsent = [];
    for (const [userId, frame] of frames) this.deliver(userId, frame);
    this.journal.changed();
  }

  /** Gives a user's next frame its number and keeps it for replay; it leaves with the next commit. */
  emit(userId, type, data) {
    const frames = this.frames(userId);
    const gap = this.faults.take("socket.seq_gap", { user: userId, type })?.gap ?? 0;
    const seq = (frames.at(-1)?.seq ?? 0) + 1 + gap;
    const frame = { type, seq, data };
    frames.push(frame);
    this.store.put("frames", `${userId} ${seq}`, { user_id: userId, frame });
    if (frames.length > this.choices.replayWindow) this.store.remove("frames", `${userId} ${frames.shift().seq}`);
    this.#unsent.push([userId, frame]);
  }

  org(orgId, userId) {
    const org = this.store.orgs.get(orgId);
    if (org === undefined || !org.members.some((member) => member.user_id === userId)) throw missing("organisation", this.choices);
    return org;
  }

  chat(chatId, userId) {
    const chat = this.store.chats.get(chatId);
    if (chat === undefined || !chat.members.some((member) => member.user_id === userId)) throw missing("chat", this.choices);
    return chat;
  }

  message(messageId, userId) {
    const message = this.store.messages.get(messageId);
    if (message === undefined) throw missing("message", this.choices);
    this.chat(message.chat_id, userId);
    return message;
  }

  task(taskId, orgId) {
    const task = this.store.tasks.get(taskId);
    if (task === undefined || task.org_id !== orgId) throw missing("task", this.choices);
    return task;
  }

  /**
   * Stores a message and tells those concerned.
   *
   * @param {string} senderId
   * @param {string} chatId
   * @param {object} body as in `POST .../messages`
   * @returns {{ message: object, repeated: boolean }} the first message when the idempotency key was used before
   */
  post(senderId, chatId, body) {
    const chat = this.chat(chatId, senderId);
    const draft = this.#draft(chat, body);
    const key = body.idempotency_key;
    const scope = typeof key === "string" && key !== "" ? this.choices.idempotencyScope(senderId, chatId, key) : undefined;
    const fingerprint = scope && createHash("sha256").update(this.choices.idempotentPart(draft)).digest("base64");
    const earlier = scope && this.store.sent.get(scope);
    if (earlier) {
      if (earlier.fingerprint !== fingerprint)
        throw new Refusal(409, "idempotency key was used with another body", this.choices.idempotencyConflictCode);
      this.idempotencyHits += 1;
      this.journal.event("message.repeated", { message: earlier.message_id, by: senderId, key });
      return { message: this.store.messages.get(earlier.message_id), repeated: true };
    }
    const message = this.#write(senderId, chat, draft);
    if (scope) this.store.put("sent", scope, { message_id: message.id, fingerprint });
    this.#announce(message, chat);
    return { message, repeated: false };
  }

  /** The checked part of a message that its writer decides. */
  #draft(chat, { message_type, content, attachment_ids = [], hints, thread_root_id, idempotency_key }) {
    if (message_type !== "text") throw invalid("message_type must be text");
    if (typeof content?.text !== "string") throw invalid("content.text must be a string");
    const isUploaded = (id) => this.store.uploads.get(id)?.complete;
    if (!Array.isArray(attachment_ids) || !attachment_ids.every(isUploaded)) throw invalid("attachment_ids must name completed uploads");
    if (content.text === "" && attachment_ids.length === 0) throw invalid("a message needs text or an attachment");
    if (thread_root_id && this.store.messages.get(thread_root_id)?.chat_id !== chat.id)
      throw invalid("thread_root_id must be a message of this chat");
    if (this.choices.reservedKeyPrefixes.some((prefix) => String(idempotency_key ?? "").startsWith(prefix)))
      throw new Refusal(400, "this idempotency key prefix is reserved", this.choices.reservedKeyCode);
    return {
      message_type,
      content,
      attachment_ids,
      hints: { no_reply: hints?.no_reply === true },
      thread_root_id: thread_root_id || null,
    };
  }

  #write(senderId, chat, draft) {
    const context = { user: senderId };
    const sender = this.store.users.get(senderId);
    const message = {
      id: this.faults.take("write.odd_message_id", context)?.id ?? newId("msg"),
      org_id: chat.org_id,
      chat_id: chat.id,
      sender_id: senderId,
      sender: { id: senderId, display_name: sender.display_name, type: sender.type },
      version: 1,
      ...draft,
      attachments: draft.attachment_ids.map((id) => this.attachment(id)),
      created_at: now(),
    };
    if (this.faults.take("write.no_sender", context)) delete message.sender;
    if (this.faults.take("write.empty_text_attachment", context))
      Object.assign(
        message,
        fileOnly((id) => this.#addressOf(id)),
      );
    this.store.put("messages", message.id, message);
    this.messages.push(message);
    this.chatMessages(chat.id).push(message);
    this.store.put("chats", chat.id, Object.assign(chat, lastMessage(message)));
    this.journal.event("message", {
      message: message.id,
      chat: chat.id,
      from: senderId,
      text: message.content.text,
      thread: message.thread_root_id,
      attachments: message.attachment_ids.length,
    });
    return message;
  }

  /** The public form of an upload on a message. */
  attachment(id) {
    const { file_name, mime_type, file_size, url } = this.store.uploads.get(id);
    return { id, file_name, mime_type, file_size, url: url ?? this.#addressOf(id) };
  }

  #addressOf(attachmentId) {
    return `${this.origin()}${this.choices.attachmentPath(attachmentId)}`;
  }

  #announce(message, chat) {
    const place = { ...(this.choices.dispatchNamesChat && { chat_id: chat.id }), org_id: chat.org_id };
    for (const { user_id: userId } of chat.members) {
      const user = this.store.users.get(userId);
      const reason = user.type === "agent" ? this.#dispatchReason(message, chat, userId) : undefined;
      if (reason !== undefined)
        this.dispatch(userId, { ...this.choices.messageDispatch, source_id: message.id, delivery_reason: reason, ...place });
      const own = userId === message.sender_id && !this.choices.writerGetsOwnEvent && reason === undefined;
      const concerned = user.type !== "agent" || reason !== undefined || !this.choices.agentEventsFollowDispatchRule;
      if (this.generation() !== "inbox" && concerned && !own) this.emit(userId, "message.new", message);
    }
  }

  #dispatchReason(message, chat, agentId) {
    const { deliveryReason, mentionAllUserId, mentionedUserIds } = this.choices;
    if (message.sender_id === agentId)
      return this.faults.take("write.own_message_dispatched", { user: agentId }) && deliveryReason.ownMessage;
    if (message.hints.no_reply) return undefined;
    if (chat.type === "direct") return deliveryReason.direct;
    const mentioned = mentionedUserIds(message.content);
    const inText = [...message.content.text.matchAll(/prll:\/\/(usr_\w+)/g)].map((match) => match[1]);
    return mentioned.includes(agentId) || mentioned.includes(mentionAllUserId) || inText.includes(agentId)
      ? deliveryReason.mention
      : undefined;
  }

  /** Puts something into an agent's inbox and pushes it. */
  dispatch(agentId, source) {
    if (this.generation() === "events") return;
    const id = this.faults.take("write.odd_dispatch_id", { user: agentId })?.id ?? newId("dsp");
    const dispatch = { id, agent_id: agentId, ...source, status: "pending", created_at: now(), received_count: 0, acknowledged_count: 0 };
    this.store.put("dispatches", id, dispatch);
    this.openDispatches(agentId).set(id, dispatch);
    this.journal.event("dispatch", { dispatch: id, agent: agentId, source: source.source_id, reason: source.delivery_reason });
    this.emit(agentId, "dispatch.new", dispatchView(dispatch));
  }

  /** Pushes a dispatch of the inbox once more, with a new number. */
  push(dispatch) {
    this.emit(dispatch.agent_id, "dispatch.new", dispatchView(dispatch));
  }

  markReceived(agentId, orgId, sourceType, sourceId) {
    const fits = (one) => one.agent_id === agentId && one.org_id === orgId && one.source_id === sourceId && one.source_type === sourceType;
    const found = [...this.openDispatches(agentId).values()].filter(fits);
    for (const dispatch of found) {
      if (dispatch.status === "pending") dispatch.status = "received";
      dispatch.received_count += 1;
      this.store.put("dispatches", dispatch.id, dispatch);
      this.journal.event("received", { dispatch: dispatch.id, agent: agentId, source: sourceId });
    }
    if (found.length === 0 && ![...this.store.dispatches.values()].some(fits))
      throw new Refusal(this.choices.receivedUnknownSourceStatus, "source not found");
  }

  acknowledge(agentId, orgId, dispatchId) {
    const dispatch = this.store.dispatches.get(dispatchId);
    if (dispatch?.agent_id !== agentId || dispatch.org_id !== orgId) throw missing("dispatch", this.choices);
    const again = dispatch.status === this.choices.acknowledgedStatus;
    dispatch.status = this.choices.acknowledgedStatus;
    dispatch.acknowledged_count += 1;
    this.openDispatches(agentId).delete(dispatchId);
    this.store.put("dispatches", dispatchId, dispatch);
    this.journal.event("acknowledged", { dispatch: dispatchId, agent: agentId, source: dispatch.source_id, again });
    if (again && !this.choices.acknowledgeAgainSucceeds) throw missing("dispatch", this.choices);
  }
}

/** What a chat tells of its newest message. */
const lastMessage = ({ created_at: time, content, sender_id: sender }) => ({
  last_message_at: time,
  last_message_preview: content.text.slice(0, 100),
  last_message_sender: sender,
  updated_at: time,
});

/** Makes a message one of a file and no text. */
function fileOnly(addressOf) {
  const file = {
    id: "att_injected",
    file_name: "plan.pdf",
    mime_type: "application/pdf",
    file_size: 4,
    url: addressOf("att_injected"),
  };
  return { content: { text: "" }, attachment_ids: [file.id], attachments: [file] };
}

/** A dispatch as the agent sees it. */
export function dispatchView({ agent_id, received_count, acknowledged_count, ...dispatch }) {
  return dispatch;
}

/** A chat as one of its members sees it. */
export function chatView({ members, ...chat }, userId) {
  const level = members.find((member) => member.user_id === userId)?.notification_level ?? null;
  return { ...chat, pinned: false, hidden: false, my_notification_level: level };
}

function entry(map, key, make) {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
