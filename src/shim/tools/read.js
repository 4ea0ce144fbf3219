/** `parall_read`. */
export const parallRead = {
  name: "parall_read",
  label: "Parall: read",
  description:
    "Read the Parall organisation: people, chats, messages and threads, tasks with their comments, projects, wikis with their pages and changesets. Names work wherever ids do.",
  parameters: {
    type: "object",
    additionalProperties: false,
    required: ["what"],
    properties: {
      what: {
        type: "string",
        enum: [
          "me",
          "people",
          "person",
          "chats",
          "chat_members",
          "messages",
          "message",
          "thread",
          "tasks",
          "task",
          "projects",
          "wikis",
          "wiki",
          "wiki_page",
          "wiki_search",
          "changesets",
        ],
        description:
          "What to read. `me` is you; `messages` are those of a chat; `thread` are the answers to a message; `task` has its comments; `wiki` is the list of a wiki's pages.",
      },
      of: {
        type: "string",
        description:
          "Id or name of the person, chat (for chat_members and messages), message (for message and thread), task or wiki (for wiki, wiki_page, wiki_search and changesets). For tasks: a project, to see only its tasks.",
      },
      path: { type: "string", description: "wiki_page: the page. wiki and wiki_search: only what is in this folder." },
      changeset: { type: "string", description: "changesets: only this one (chg_...), with its feedback and what it changes." },
      query: { type: "string", description: "tasks: only those that hold this text. wiki_search: the text to look for." },
      status: {
        type: "string",
        enum: ["todo", "in_progress", "in_review", "done", "canceled", "open", "merged", "rejected"],
        description: "tasks and changesets: only those in this state.",
      },
      assignee: { type: "string", description: "tasks: only those of this person: id, name, or `me`." },
      limit: { type: "integer", minimum: 1, maximum: 200, description: "Most items; 30 when left out." },
      cursor: { type: "string", description: "Continue where the answer before ended." },
      offset: {
        type: "integer",
        minimum: 0,
        description: "message, task, wiki_page and changesets: continue at this character of a long text.",
      },
    },
  },
};
