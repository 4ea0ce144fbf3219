import { missing } from "../errors.js";
import { page } from "../paging.js";

const STATUSES = ["todo", "in_progress", "in_review", "done", "canceled"];

/** Projects and what they say about their tasks. Everybody in the organisation is a member of every project. */
export const projectRoutes = [
  ["projects.list", "GET", "/orgs/:org/projects", ({ world, org }) => ({ data: projectsOf(world, org) })],
  [
    "projects.library",
    "GET",
    "/orgs/:org/projects/library",
    ({ world, org }) => ({ data: projectsOf(world, org).filter((one) => one.visibility === "public") }),
  ],
  ["projects.task_summary", "GET", "/orgs/:org/projects/task-summary", taskSummary],
  ["projects.get", "GET", "/orgs/:org/projects/:project", project],
  ["projects.members", "GET", "/orgs/:org/projects/:project/members", members],
  [
    "projects.readers",
    "GET",
    "/orgs/:org/projects/:project/readers",
    (call) => ({ data: members(call).data.map(({ user_id: userId }) => userId) }),
  ],
  [
    "projects.join_requests",
    "GET",
    "/orgs/:org/projects/:project/join-requests",
    (call) => {
      project(call);
      return page([], call.query, call.world.choices);
    },
  ],
];

const projectsOf = (world, org) => [...world.store.projects.values()].filter((one) => one.org_id === org.id);

function project({ world, org, params }) {
  const found = world.store.projects.get(params.project);
  if (found?.org_id !== org.id) throw missing("project");
  return found;
}

function members(call) {
  const { id } = project(call);
  const role = (member) => (member.role === "owner" ? "manager" : "member");
  return {
    data: call.org.members.map((member) => ({ project_id: id, user_id: member.user_id, role: role(member), joined_at: member.joined_at })),
  };
}

function taskSummary({ world, org, user }) {
  const tasks = [...world.store.tasks.values()].filter((task) => task.org_id === org.id && !task.archived_at);
  const counts = (some) => Object.fromEntries(STATUSES.map((status) => [status, some.filter((task) => task.status === status).length]));
  const mine = tasks.filter((task) => task.assignee_id === user.id);
  return {
    workspace_counts: {
      all_issues: tasks.length,
      my_issues: mine.length,
      no_project: tasks.filter((task) => task.project_id === null).length,
      my_status_counts: counts(mine),
    },
    projects: projectsOf(world, org).map(({ id }) => ({
      project_id: id,
      status_counts: counts(tasks.filter((task) => task.project_id === id)),
      completed_series: [],
    })),
  };
}
