/** What `/_control/wait` can wait for, by `kind`; each gives the things that fit the wanted fields. */
export const CONDITIONS = {
  /** `{ from?, chat?, contains?, text?, thread? }` */
  message: (server, { from, chat, contains, text, thread }) =>
    server
      .messages(chat)
      .filter(
        (message) =>
          is(message.sender_id, from) &&
          is(message.thread_root_id, thread) &&
          is(message.content.text, text) &&
          has(message.content.text, contains),
      ),
  /** `{ agent?, source?, status?, source_type? }` */
  dispatch: (server, { agent, source, status, source_type: type }) =>
    [...server.store.dispatches.values()].filter(
      (one) => is(one.agent_id, agent) && is(one.source_id, source) && is(one.status, status) && is(one.source_type, type),
    ),
  /** `{ from?, task?, contains? }` */
  comment: (server, { from, task, contains }) =>
    [...server.store.comments.values()].filter(
      (comment) => is(comment.author_id, from) && is(comment.target_uri, task && `prll://${task}`) && has(comment.body, contains),
    ),
  /** `{ task?, status?, assignee? }` */
  task: (server, { task, status, assignee }) =>
    [...server.store.tasks.values()].filter((one) => is(one.id, task) && is(one.status, status) && is(one.assignee_id, assignee)),
  /** `{ route?, method?, path?, user?, status? }`; only answered requests have a status */
  request: (server, { route, method, path, user, status }) =>
    server.journal.requests.filter(
      (one) => is(one.route, route) && is(one.method, method) && is(one.path, path) && is(one.user, user) && is(one.status, status),
    ),
  /** `{ user? }`: open sockets */
  socket: (server, { user }) => server.sockets.of(user).map(() => ({ user })),
  /** `{ user? }`: matches once no socket is open */
  no_socket: (server, { user }) => (server.sockets.of(user).length === 0 ? [{ user }] : []),
  /** `{ event, user? }`: entries of the timeline */
  event: (server, { event, user }) => server.journal.events.filter((one) => is(one.event, event) && is(one.user, user)),
};

const is = (value, wanted) => wanted === undefined || value === wanted;
const has = (value, wanted) => wanted === undefined || value.includes(wanted);
