/** `parall_wiki`. */
export const parallWiki = {
  name: "parall_wiki",
  label: "Parall: wiki",
  description:
    "Edit pages of a Parall wiki and propose the edits as one changeset. A person merges or rejects it; nothing changes before. Read the pages first with parall_read (wiki_page).",
  parameters: {
    type: "object",
    additionalProperties: false,
    required: ["wiki", "title", "edits"],
    properties: {
      wiki: { type: "string", description: "The wiki: its short name (slug), name or id." },
      title: { type: "string", description: "What the changeset is about, in a few words." },
      edits: {
        type: "array",
        minItems: 1,
        maxItems: 50,
        description: "The edits, in order. Each has a path and either text, or find and replace, or delete.",
        items: {
          type: "object",
          additionalProperties: false,
          required: ["path"],
          properties: {
            path: { type: "string", description: "The page's path in the wiki, such as guide/setup.md." },
            find: { type: "string", description: "Text that is in the page exactly once." },
            replace: { type: "string", description: "What comes in the place of find; may be empty." },
            text: { type: "string", description: "The whole new text of the page: for new pages, and with hash for those there are." },
            delete: { type: "boolean", description: "Remove the page; needs its hash." },
            hash: {
              type: "string",
              description: "The hash that parall_read showed for the page. Needed to replace all of a page or to delete it.",
            },
          },
        },
      },
    },
  },
};
