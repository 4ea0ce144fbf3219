/** `parall_task`. */
export const parallTask = {
  name: "parall_task",
  label: "Parall: tasks",
  description: "Create a Parall task, change one (status, assignee, dates, text) or comment on it.",
  parameters: {
    type: "object",
    additionalProperties: false,
    required: ["action"],
    properties: {
      action: { type: "string", enum: ["create", "update", "comment"], description: "What to do." },
      task: { type: "string", description: "update, comment: id (tsk_...), short name such as FP-1, or title." },
      title: { type: "string", description: "What is to be done, in a few words. Needed to create." },
      description: { type: "string", description: "Longer text." },
      status: { type: "string", enum: ["todo", "in_progress", "in_review", "done", "canceled"], description: "State of the work." },
      priority: { type: "string", enum: ["high", "normal", "low"], description: "How urgent it is." },
      assignee: { type: "string", description: "Who is to do it: id, name, or `me`; `none` for nobody." },
      project: { type: "string", description: "create: project it belongs to, by id, key or name." },
      parent: { type: "string", description: "Task that it is a part of; `none` for none." },
      due_date: { type: "string", description: "YYYY-MM-DD; `none` for none." },
      text: { type: "string", description: "comment: what it says." },
    },
  },
};
