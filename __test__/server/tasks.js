import { invalid } from "./errors.js";
import { newId, now } from "./ids.js";

const STATUSES = ["todo", "in_progress", "in_review", "done", "canceled"];
const PRIORITIES = ["high", "normal", "low"];
const EDITABLE = ["title", "status", "priority", "description", "assignee_id", "due_date", "label_ids", "parent_id"];
const COMMENT_MAX = 64 * 1024;

/** Creates a task and dispatches it to an agent it is assigned to. Tasks have no idempotency: each call makes one. */
export function createTask(world, creatorId, orgId, body) {
  check(world, orgId, { title: "", ...body });
  const task = {
    id: newId("tsk"),
    identifier: `#${world.store.tasks.size + 1}`,
    title: body.title,
    description: body.description ?? null,
    org_id: orgId,
    project_id: body.project_id ?? null,
    parent_id: body.parent_id ?? null,
    status: body.status ?? "todo",
    priority: body.priority ?? "normal",
    assignee_id: body.assignee_id ?? null,
    creator_id: creatorId,
    due_date: body.due_date ?? null,
    labels: (body.label_ids ?? []).map((id) => ({ id })),
    archived_at: null,
    created_at: now(),
    updated_at: now(),
  };
  world.store.put("tasks", task.id, task);
  world.journal.event("task", { task: task.id, by: creatorId, title: task.title, status: task.status, assignee: task.assignee_id });
  if (task.assignee_id !== null) announce(world, task, creatorId);
  return task;
}

/** Changes fields of a task; a new assignee that is an agent gets a dispatch. */
export function changeTask(world, userId, task, body) {
  check(world, task.org_id, body, task.id);
  if (Object.hasOwn(body, "project_id")) throw invalid("project_id cannot change");
  const assignee = task.assignee_id;
  for (const field of EDITABLE) {
    if (!Object.hasOwn(body, field)) continue;
    if (field === "label_ids") task.labels = (body.label_ids ?? []).map((id) => ({ id }));
    else task[field] = body[field];
  }
  task.updated_at = now();
  world.store.put("tasks", task.id, task);
  world.journal.event("task.changed", { task: task.id, by: userId, status: task.status, assignee: task.assignee_id });
  if (task.assignee_id !== null && task.assignee_id !== assignee) announce(world, task, userId);
  return task;
}

/** Adds a comment to a task. No idempotency either: a repeated call makes a second comment. */
export function addComment(world, authorId, orgId, { target_uri, body }) {
  const [, taskId] = /^prll:\/\/(tsk_.+)$/.exec(target_uri ?? "") ?? [];
  if (taskId === undefined) throw invalid("target_uri must be prll://tsk_...");
  world.task(taskId, orgId);
  if (typeof body !== "string" || body.trim() === "" || Buffer.byteLength(body) > COMMENT_MAX)
    throw invalid("body must have 1 to 65536 bytes");
  const comment = { id: newId("cmt"), org_id: orgId, target_uri, author_id: authorId, body, created_at: now(), updated_at: now() };
  world.store.put("comments", comment.id, comment);
  world.journal.event("comment", { comment: comment.id, task: taskId, by: authorId, text: body });
  return comment;
}

function announce(world, task, userId) {
  const assignee = world.store.users.get(task.assignee_id);
  if (assignee.type !== "agent" || assignee.id === userId) return;
  const { taskDispatch, deliveryReason } = world.choices;
  world.dispatch(assignee.id, { ...taskDispatch, source_id: task.id, delivery_reason: deliveryReason.assignment, org_id: task.org_id });
  if (world.generation() !== "inbox") world.emit(assignee.id, "task.assigned", { ...task });
}

/** Refuses fields that cannot be, by name. `taskId` is the task that is changed. */
function check(world, orgId, { title, status, priority, assignee_id, parent_id, project_id, due_date, label_ids }, taskId) {
  const isHere = (collection, id) => world.store[collection].get(id)?.org_id === orgId;
  const isMember = (id) => world.store.orgs.get(orgId).members.some((member) => member.user_id === id);
  if (title !== undefined && (typeof title !== "string" || title.trim() === "")) throw invalid("title must not be empty");
  if (status !== undefined && !STATUSES.includes(status)) throw invalid(`status must be one of ${STATUSES.join(", ")}`);
  if (priority !== undefined && !PRIORITIES.includes(priority)) throw invalid(`priority must be one of ${PRIORITIES.join(", ")}`);
  if (assignee_id && !isMember(assignee_id)) throw invalid("assignee_id must name a member of the organisation");
  if (parent_id && !isHere("tasks", parent_id)) throw invalid("parent_id must name a task");
  if (parent_id && parent_id === taskId) throw invalid("a task cannot be a part of itself");
  if (project_id && !isHere("projects", project_id)) throw invalid("project_id must name a project");
  if (due_date && !isDate(due_date)) throw invalid("due_date must be a date, YYYY-MM-DD");
  for (const label of label_ids ?? []) if (!isHere("labels", label)) throw invalid("label_ids must name labels");
}

function isDate(text) {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
