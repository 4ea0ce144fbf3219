import { missing } from "../errors.js";

/** Users, organisations, members and agents. */
export const peopleRoutes = [
  ["users.me", "GET", "/users/me", ({ user }) => user],
  ["users.get", "GET", "/users/:user", sharedUser],
  [
    "orgs.list",
    "GET",
    "/orgs",
    ({ world, user }) => ({
      data: [...world.store.orgs.values()].filter((org) => roleIn(org, user.id)).map((org) => orgView(org, user.id)),
    }),
  ],
  ["orgs.get", "GET", "/orgs/:org", ({ org, user }) => orgView(org, user.id)],
  [
    "members.list",
    "GET",
    "/orgs/:org/members",
    ({ world, org }) => ({ data: org.members.map((member) => memberView(world, org, member)) }),
  ],
  ["members.former", "GET", "/orgs/:org/members/former", () => ({ user_ids: [] })],
  ["members.profile", "GET", "/orgs/:org/members/:member/profile", profile],
  ["agents.list", "GET", "/orgs/:org/agents", ({ world, org }) => ({ data: agentsOf(world, org) })],
  ["agents.me", "GET", "/orgs/:org/agents/me", agentMe],
];

const roleIn = (org, userId) => org.members.find((member) => member.user_id === userId)?.role;

function orgView({ members, ...org }, userId) {
  return { ...org, role: roleIn({ members }, userId) };
}

/** Hidden unless both are in one organisation. */
function sharedUser({ world, user, params }) {
  const shares = (org) => roleIn(org, user.id) !== undefined && roleIn(org, params.user) !== undefined;
  if (![...world.store.orgs.values()].some(shares)) throw missing("user");
  const { email, email_verified, ...shown } = world.store.users.get(params.user);
  return shown;
}

function memberView(world, org, member) {
  const { id, display_name, type, status } = world.store.users.get(member.user_id);
  const profile = { title: null, description: null, profile_version: 1, onboarding_dismissed: true };
  return { org_id: org.id, ...member, ...profile, user: { id, display_name, type, status } };
}

function profile({ world, org, params }) {
  if (roleIn(org, params.member) === undefined) throw missing("member");
  const { id, display_name, type } = world.store.users.get(params.member);
  return { user_id: id, display_name, type, title: null, description: null, profile_version: 1 };
}

function agentsOf(world, org) {
  return org.members
    .map((member) => world.store.users.get(member.user_id))
    .filter((user) => user.type === "agent")
    .map((user) => agentView(world, org, user));
}

function agentMe({ world, org, user }) {
  if (user.type !== "agent") throw missing("agent");
  return agentView(world, org, user);
}

/** An agent with its presence. */
export function agentView(world, org, user) {
  const online = world.isOnline(user.id);
  return { ...user, org_id: org.id, presence: { online, status: online ? "online" : "offline" } };
}
