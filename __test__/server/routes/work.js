import { missing } from "../errors.js";
import { page } from "../paging.js";
import { addComment, changeTask, createTask } from "../tasks.js";

const FILTERS = ["status", "priority", "assignee_id", "creator_id", "project_id", "parent_id"];

/**
 * Tasks, comments, projects and the platform config.
 *
 * @param {typeof import("../choices.js").CHOICES} choices some paths are choices
 */
export function workRoutes(choices) {
  return [
    ["tasks.list", "GET", "/orgs/:org/tasks", listTasks],
    ["agents.tasks", "GET", "/orgs/:org/agents/:assignee/tasks", pendingTasks],
    ["members.tasks", "GET", "/orgs/:org/members/:assignee/tasks", pendingTasks],
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
    [
      "projects.list",
      "GET",
      "/orgs/:org/projects",
      ({ world, org }) => ({ data: [...world.store.projects.values()].filter((project) => project.org_id === org.id) }),
    ],
    ["projects.get", "GET", "/orgs/:org/projects/:project", project],
    ...choices.platformConfigPaths.map((path) => ["platform_config", "GET", path, platformConfig]),
  ];
}

function listTasks({ world, org, query }) {
  const wanted = [...world.store.tasks.values()].filter(
    (task) => task.org_id === org.id && FILTERS.every((field) => !query.has(field) || (task[field] ?? "null") === query.get(field)),
  );
  const text = query.get("q")?.toLowerCase() ?? "";
  const found = wanted.filter((task) => `${task.title} ${task.description ?? ""}`.toLowerCase().includes(text));
  return page(query.get("order") === "asc" ? found : found.reverse(), query, world.choices);
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

function project({ world, org, params }) {
  const found = world.store.projects.get(params.project);
  if (found?.org_id !== org.id) throw missing("project");
  return found;
}

function platformConfig({ world, query, headers }) {
  const config = world.store.values.get("platform_config");
  if (config === undefined) throw missing("platform config");
  const etag = { etag: `"${config.version}"` };
  if (world.choices.knownConfigVersion(query, headers) === config.version) return { status: 304, body: undefined, headers: etag };
  return { status: 200, body: config, headers: etag };
}
