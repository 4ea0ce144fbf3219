/**
 * Everything this local Parall server does without evidence from a real one. Each entry is OUR CHOICE: one capture of
 * a real server may correct it here, and nowhere else. What is not listed here follows published clients.
 *
 * A test may override entries: `new LocalParall({ choices: { pageSizeMax: 2 } })`.
 */
export const CHOICES = Object.freeze({
  /** Our choice: status codes of calls whose exact 2xx nobody checks. */
  statusOf: Object.freeze({ messageCreated: 201, messageRepeated: 200, presign: 201, complete: 200, received: 200, acknowledged: 204 }),

  /** Our choice: a repeated idempotency key is looked up within one sender and one chat. */
  idempotencyScope: (senderId, chatId, key) => `${senderId} ${chatId} ${key}`,
  /** Our choice: what has to be the same under the same key. Hints may change. */
  idempotentPart: ({ content, attachment_ids, thread_root_id }) => JSON.stringify([content, attachment_ids, thread_root_id]),
  /** Our choice: the code of "same key, other body" (409) and of a reserved key prefix (400). */
  idempotencyConflictCode: "IDEMPOTENCY_CONFLICT",
  /** The prefixes are evidence, refusing them is our choice: a client that forgets to add its own prefix fails here. */
  reservedKeyPrefixes: Object.freeze(["reply:", "task_update:"]),
  reservedKeyCode: "RESERVED_IDEMPOTENCY_KEY",

  /** Our choice: what a dispatch says about a message and about a task. */
  messageDispatch: Object.freeze({ event_type: "message", source_type: "message" }),
  taskDispatch: Object.freeze({ event_type: "task", source_type: "task" }),
  /** Our choice: whether a dispatch names the chat of its message. */
  dispatchNamesChat: true,
  /** Our choice: the values of `delivery_reason`. */
  deliveryReason: Object.freeze({ direct: "direct", mention: "mention", assignment: "assignment", ownMessage: "own_message" }),
  /** Our choice: the terminal status, and that an acknowledged dispatch leaves the list. */
  acknowledgedStatus: "acked",
  acknowledgedStayListed: false,
  /** Our choice: the list is sorted oldest first and its cursor is the id of the last item. */
  dispatchOldestFirst: true,
  /** Our choice: `received` for a source nobody dispatched answers 404; acknowledging twice succeeds twice. */
  receivedUnknownSourceStatus: 404,
  acknowledgeAgainSucceeds: true,

  /** Our choice: structured mentions are in `content.mentions` as `[{ user_id }]`; this id means everybody. */
  mentionedUserIds: (content) => (Array.isArray(content?.mentions) ? content.mentions.map((mention) => mention?.user_id) : []),
  mentionContent: (userIds) => userIds.map((userId) => ({ user_id: userId })),
  mentionAllUserId: "usr_all",
  /** Our choice: an agent gets `message.new` when the message would dispatch it; a person gets every message of the chat. */
  agentEventsFollowDispatchRule: true,
  /** Our choice: the writer of a message gets no `message.new` for it. */
  writerGetsOwnEvent: false,

  /** Our choice: wire names and payloads of events; `message.new` and `task.assigned` carry the bare object. */
  chatUpdateEvent: "chat.update",
  agentConfigUpdateEvent: "agent_config.update",
  chatUpdateData: (chat) => ({ chat }),
  agentConfigUpdateData: (version) => ({ version }),

  /** Our choice: a ticket opens one socket within this time (milliseconds); a bad one fails the upgrade with this status. */
  ticketLifetime: 30_000,
  badTicketStatus: 401,
  /** Our choice: seconds in `hello`. */
  heartbeatInterval: 30,
  /** Our choice: a client silent for this many intervals is closed with this code. */
  silentIntervals: 3,
  silentCloseCode: 4408,
  /** Our choice: `pong` echoes the data of `ping` and has no `seq`. */
  pong: (data) => ({ type: "pong", data: data ?? {} }),
  /** Our choice: how many frames a user can get replayed. An older `last_seq` gets what is left, without a sign of the gap. */
  replayWindow: 1000,
  /** Our choice: whether frames since `last_seq` are replayed at all. */
  replaysFrames: true,
  /** Our choice: a revoked key closes the sockets it opened with this code. */
  revokedCloseCode: 4401,

  /** Our choice: messages are listed newest first, or oldest first with `after`; replies oldest first with their root. */
  messagesNewestFirst: true,
  repliesIncludeRoot: true,
  /** Our choice: what is put away says when, in `archived_at`; lists leave it out unless they are asked. */
  inScope:
    (scope) =>
    ({ archived_at: archivedAt }) =>
      scope === "all" || (scope === "archived") === Boolean(archivedAt),
  /** Our choice: statuses of the tasks that wait for an agent. */
  pendingTaskStatuses: Object.freeze(["todo", "in_progress"]),
  /** Our choice: `since` is inclusive. */
  sinceIsInclusive: true,
  /** Page sizes are evidence for most lists; the maximum of the dispatch list is our choice. */
  pageSize: 50,
  pageSizeMax: 200,

  /** Our choice: comments are listed here, oldest first, by `target_uri` in the query, or as a part of their task. */
  commentListPaths: Object.freeze(["/orgs/:org/comments", "/orgs/:org/tasks/:task/comments"]),
  /** Our choice: where the platform config is; the version the client has comes as `version` in the query or as `If-None-Match`. */
  platformConfigPaths: Object.freeze(["/platform-config", "/orgs/:org/platform-config"]),
  knownConfigVersion: (query, headers) => query.get("version") ?? headers["if-none-match"]?.replace(/^(?:W\/)?"(.*)"$/, "$1") ?? null,

  /** Our choice: largest upload (bytes) and where a file is read from, with the same bearer token. */
  uploadMax: 25 * 1024 * 1024,
  uploadAddress: (origin, secret) => `${origin}/api/v1/uploads/${secret}`,
  attachmentPath: (id) => `/api/v1/attachments/${encodeURIComponent(id)}`,

  /** Our choice: how many versions of a wiki can still be read, and the code of a changeset that somebody changed meanwhile. */
  wikiVersionsKept: 20,
  staleGenerationCode: "STALE_GENERATION",

  /** Our choice: largest request body (bytes), answered by 413. */
  requestBodyMax: 4 * 1024 * 1024,
  /** Our choice: codes of errors whose codes are not known. */
  errorCode: Object.freeze({
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    422: "UNPROCESSABLE",
    429: "RATE_LIMITED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
  }),
  /** Our choice: an org or chat the caller is no member of answers 404, like a missing one. */
  hiddenStatus: 404,
});
