/** All a test may want to look at, in one object that is plain JSON. */
export function snapshot(server) {
  const { store, world, journal, faults, sockets } = server;
  return {
    generation: server.generation,
    users: [...store.users.values()],
    chats: [...store.chats.values()],
    messages: [...store.messages.values()],
    /** with `received_count` and `acknowledged_count` */
    dispatches: [...store.dispatches.values()],
    tasks: [...store.tasks.values()],
    comments: [...store.comments.values()],
    uploads: [...store.uploads.values()].map(({ content, secret, ...upload }) => upload),
    requests: journal.requests,
    sockets: sockets.counts(),
    idempotency_hits: world.idempotencyHits,
    faults: faults.list(),
  };
}
