import { missing, Refusal } from "../errors.js";
import { page } from "../paging.js";
import { addComment, changeTask, createTask } from "../tasks.js";

const FILTERS = ["status", "priority", "assignee_id", "creator_id", "project_id", "parent_id"];
const SORTED_BY = ["created_at", "updated_at", "due_date", "priority", "status", "title"];

/**
 * Tasks, comments and the platform config.
 *
 * @param {typeof import("../choices.js").CHOICES} choices some paths are choices
 */
export function workRoutes(choices) {
  return [
    ["tasks.list", "GET", "/orgs/:org/tasks", listTasks],
    ["agents.tasks", "GET", "/orgs/:org/agents/:assignee/tasks", pendingTasks],
    ["members.tasks", "GET", "/orgs/:org/members/:assignee/tasks", pendingTasks],
    ["tasks.subtask_summary", "GET", "/orgs/:org/tasks/subtask-summary", subtaskSummary],
    ["tasks.subtasks", "GET", "/orgs/:org/tasks/:task/subtasks", subtasks],
    [
      "tasks.relations",
      "GET",
      "/orgs/:org/tasks/:task/relations",
      ({ world, org, params }) => ({ data: relationsOf(world.task(params.task, org.id)) }),
    ],
    ["tasks.reverse_relations", "GET", "/orgs/:org/task-relations", reverseRelations],
    ["tasks.get", "GET", "/orgs/:org/tasks/:task", ({ world, org, params }) => world.task(params.task, org.id)],
    [
      "tasks.create",
      "POST",
      "/orgs/:org/tasks",
      ({ world, org, user, body }) => ({ status: 201, body: createTask(world, user.id, org.id, body) }),
    ],
    [
      "tasks.change",
      "PATCH",
      "/orgs/:org/tasks/:task",
      ({ world, org, user, params, body }) => changeTask(world, user.id, world.task(params.task, org.id), body),
    ],
    [
      "comments.create",
      "POST",
      "/orgs/:org/comments",
      ({ world, org, user, body }) => ({ status: 201, body: addComment(world, user.id, org.id, body) }),
    ],
    ...choices.commentListPaths.map((path) => ["comments.list", "GET", path, listComments]),
    ...choices.platformConfigPaths.map((path) => ["platform_config", "GET", path, platformConfig]),
  ];
}

function listTasks(call) {
  const { world, org, query } = call;
  const labels = query.get("label_ids")?.split(",") ?? [];
  const inScope = world.choices.inScope(query.get("scope"));
  const text = query.get("q")?.toLowerCase() ?? "";
  const wanted = [...world.store.tasks.values()].filter(
    (task) =>
      task.org_id === org.id &&
      inScope(task) &&
      FILTERS.every((field) => !query.has(field) || (task[field] ?? "null") === query.get(field)) &&
      labels.every((label) => task.labels.some(({ id }) => id === label)) &&
      `${task.title} ${task.description ?? ""}`.toLowerCase().includes(text),
  );
  return page(sorted(wanted, query), query, world.choices);
}

/** Newest first unless the query says otherwise; equal ones in the order of their creation. */
function sorted(tasks, query) {
  const field = query.get("sort") ?? "created_at";
  if (!SORTED_BY.includes(field)) throw new Refusal(400, `sort must be one of ${SORTED_BY.join(", ")}`);
  const rank = (task) => String(task[field] ?? "");
  const ascending = tasks.toSorted((one, other) => (rank(one) < rank(other) ? -1 : rank(one) > rank(other) ? 1 : 0));
  return query.get("order") === "asc" ? ascending : ascending.reverse();
}

function subtasks({ world, org, params, query }) {
  const { id } = world.task(params.task, org.id);
  return page(
    sorted(
      [...world.store.tasks.values()].filter((task) => task.parent_id === id),
      query,
    ),
    query,
    world.choices,
  );
}

/** How far the parts of each task are. */
function subtaskSummary({ world, org, query }) {
  const fits = (task) => ["assignee_id", "project_id"].every((field) => !query.has(field) || task[field] === query.get(field));
  const tasks = [...world.store.tasks.values()].filter((task) => task.org_id === org.id);
  const parents = tasks.filter((task) => fits(task) && tasks.some((other) => other.parent_id === task.id));
  const parts = ({ id }) => tasks.filter((task) => task.parent_id === id);
  const done = (task) => task.status === "done";
  return { data: parents.map((task) => ({ task_id: task.id, total: parts(task).length, done: parts(task).filter(done).length })) };
}

/** What a task's text refers to. */
function relationsOf(task) {
  const references = [...(task.description ?? "").matchAll(/prll:\/\/(msg|tsk)_(\w+)/g)];
  return references.map(([, kind, id], index) => ({
    id: `rel_${task.id.slice(4)}${index}`,
    task_id: task.id,
    target_type: { msg: "message", tsk: "task" }[kind],
    target_id: `${kind}_${id}`,
    relation_type: "references",
  }));
}

function reverseRelations({ world, org, query }) {
  const { target_type: type, target_id: id } = Object.fromEntries(query);
  if (type === undefined || id === undefined) throw new Refusal(400, "target_type and target_id are required");
  const tasks = [...world.store.tasks.values()].filter((task) => task.org_id === org.id);
  return { data: tasks.flatMap(relationsOf).filter((one) => one.target_type === type && one.target_id === id) };
}

/** What waits for somebody, oldest first. */
function pendingTasks({ world, org, params, query }) {
  const waits = (task) => task.assignee_id === params.assignee && world.choices.pendingTaskStatuses.includes(task.status);
  return page(
    [...world.store.tasks.values()].filter((task) => task.org_id === org.id && waits(task)),
    query,
    world.choices,
  );
}

function listComments({ world, org, params, query }) {
  const target = params.task === undefined ? query.get("target_uri") : `prll://${params.task}`;
  const comments = [...world.store.comments.values()].filter((comment) => comment.org_id === org.id && comment.target_uri === target);
  return page(comments, query, world.choices);
}

function platformConfig({ world, query, headers }) {
  const config = world.store.values.get("platform_config");
  if (config === undefined) throw missing("platform config");
  const etag = { etag: `"${config.version}"` };
  if (world.choices.knownConfigVersion(query, headers) === config.version) return { status: 304, body: undefined, headers: etag };
  return { status: 200, body: config, headers: etag };
}
