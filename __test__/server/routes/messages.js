import { randomUUID } from "node:crypto";
import { invalid, missing, Refusal } from "../errors.js";
import { newId } from "../ids.js";
import { messagePage, page } from "../paging.js";
import { dispatchView } from "../world.js";

/** Messages, uploads and the dispatch inbox. */
export const messageRoutes = [
  ["messages.list", "GET", "/orgs/:org/chats/:chat/messages", listMessages],
  ["messages.post", "POST", "/orgs/:org/chats/:chat/messages", postMessage],
  ["messages.get", "GET", "/messages/:message", ({ world, user, params }) => world.message(params.message, user.id)],
  ["messages.replies", "GET", "/messages/:message/replies", listReplies],
  ["upload.presign", "POST", "/orgs/:org/upload/presign", presign],
  ["upload.put", "PUT", "/uploads/:secret", put, { raw: true }],
  ["upload.complete", "POST", "/orgs/:org/upload/complete", complete],
  ["attachments.get", "GET", "/attachments/:attachment", download],
  ["dispatch.list", "GET", "/orgs/:org/dispatch", listDispatches],
  ["dispatch.received", "POST", "/orgs/:org/dispatch/received", received],
  ["dispatch.ack", "POST", "/orgs/:org/dispatch/:dispatch/ack", acknowledge],
];

function listMessages({ world, chat, query }) {
  const { since, thread_root_id: root, top_level: topLevel } = Object.fromEntries(query);
  const start = since === undefined ? undefined : Date.parse(since);
  if (Number.isNaN(start)) throw new Refusal(400, "since must be a date or a time");
  const wanted = world.chatMessages(chat.id).filter((message) => {
    const time = Date.parse(message.created_at);
    if (start !== undefined && (world.choices.sinceIsInclusive ? time < start : time <= start)) return false;
    if (root !== undefined && message.thread_root_id !== root) return false;
    return !(topLevel === "true" && message.thread_root_id !== null);
  });
  return messagePage(wanted, query, world.choices);
}

function postMessage({ world, user, chat, body }) {
  const { message, repeated } = world.post(user.id, chat.id, body);
  return { status: repeated ? world.choices.statusOf.messageRepeated : world.choices.statusOf.messageCreated, body: message };
}

/** Evidence: `has_more` without `next_cursor`. */
function listReplies({ world, user, params, query }) {
  const root = world.message(params.message, user.id);
  const replies = world.chatMessages(root.chat_id).filter((message) => message.thread_root_id === root.id);
  const all = world.choices.repliesIncludeRoot ? [root, ...replies] : replies;
  const { data, has_more } = query.has("after")
    ? messagePage(all, query, world.choices)
    : newestPart(messagePage(all, query, world.choices));
  return { data, has_more };
}

const newestPart = ({ data, has_more }) => ({ data: data.toReversed(), has_more });

function presign({ world, org, user, body, origin }) {
  const { file_name, file_size, mime_type } = body;
  if (typeof file_name !== "string" || typeof mime_type !== "string" || !Number.isInteger(file_size) || file_size < 1)
    throw invalid("file_name, file_size and mime_type are required");
  if (file_size > world.choices.uploadMax) throw new Refusal(413, "file too large");
  const upload = {
    id: newId("att"),
    org_id: org.id,
    owner_id: user.id,
    secret: randomUUID(),
    file_name,
    file_size,
    mime_type,
    complete: false,
  };
  world.store.put("uploads", upload.id, upload);
  return {
    status: world.choices.statusOf.presign,
    body: { attachment_id: upload.id, upload_url: world.choices.uploadAddress(origin, upload.secret) },
  };
}

/** The signed URL is the permission: a request that also shows a bearer token is refused, as object stores do. */
function put({ world, params, headers, body }) {
  const upload = [...world.store.uploads.values()].find((one) => one.secret === params.secret);
  if (upload === undefined) throw missing("upload");
  if (headers.authorization !== undefined) throw new Refusal(400, "only one way to authorise is allowed");
  if (headers["content-type"] !== upload.mime_type) throw new Refusal(403, "content type differs from the signed one");
  if (body.length !== upload.file_size) throw new Refusal(400, "size differs from the announced one");
  world.store.put("uploads", upload.id, { ...upload, content: body.toString("base64") });
  return { status: 200, body: undefined };
}

function complete({ world, user, body }) {
  const upload = world.store.uploads.get(body.attachment_id);
  if (upload?.owner_id !== user.id) throw missing("upload");
  if (upload.content === undefined) throw new Refusal(409, "nothing was uploaded");
  world.store.put("uploads", upload.id, { ...upload, complete: true });
  world.journal.event("upload", { attachment: upload.id, by: user.id, file: upload.file_name, bytes: upload.file_size });
  return { status: world.choices.statusOf.complete, body: world.attachment(upload.id) };
}

function download({ world, user, params }) {
  const upload = world.store.uploads.get(params.attachment);
  if (!upload?.complete) throw missing("attachment");
  world.org(upload.org_id, user.id);
  return { status: 200, body: Buffer.from(upload.content, "base64"), headers: { "content-type": upload.mime_type } };
}

function listDispatches(call) {
  const { world, org, user, query } = call;
  requireInbox(call);
  const all = world.choices.acknowledgedStayListed
    ? [...world.store.dispatches.values()].filter((one) => one.agent_id === user.id)
    : [...world.openDispatches(user.id).values()];
  const listed = all.filter((dispatch) => dispatch.org_id === org.id).map(dispatchView);
  return page(world.choices.dispatchOldestFirst ? listed : listed.reverse(), query, world.choices);
}

function received(call) {
  const { world, org, user, body } = call;
  requireInbox(call);
  if (typeof body.source_type !== "string" || typeof body.source_id !== "string") throw invalid("source_type and source_id are required");
  world.markReceived(user.id, org.id, body.source_type, body.source_id);
  return { status: world.choices.statusOf.received, body: {} };
}

function acknowledge(call) {
  const { world, org, user, params } = call;
  requireInbox(call);
  world.acknowledge(user.id, org.id, params.dispatch);
  return { status: world.choices.statusOf.acknowledged, body: undefined };
}

/** The generation before the inbox knew none of its routes. */
function requireInbox({ world, user }) {
  if (world.generation() === "events" || user.type !== "agent") throw missing("route");
}
