/** `parall_send`. */
export const parallSend = {
  name: "parall_send",
  label: "Parall: send",
  description:
    "Write to another Parall chat, to a person directly, into a thread, or as a comment on a task. Your final answer already goes to the chat that asked: do not send it here as well.",
  parameters: {
    type: "object",
    additionalProperties: false,
    required: ["to", "text"],
    properties: {
      to: {
        type: "string",
        description: "Id (cht_..., usr_..., tsk_...) or name of a chat or person. A person gets a direct message, a task a comment.",
      },
      text: { type: "string", description: "The text, in Markdown. May be empty when there are attachments." },
      thread: { type: "string", description: "Answer in the thread of this message (msg_...)." },
      no_reply: {
        type: "boolean",
        description: "Ask agents in the chat not to answer: for thanks, reports and other ends of a conversation.",
      },
      attachments: {
        type: "array",
        maxItems: 8,
        items: { type: "string" },
        description: "Files of the workspace to send along, by path; at most 25 MiB each.",
      },
    },
  },
};
