/* Types of `@parall/parall/native`. Generated from the Rust sources, except for this header: change src/shim/header.d.ts. */

/** What functions of the native part throw or reject with: `code` is stable, the message is for people. */
export interface ParallError extends Error {
  /** `PARALL_...`; `PARALL_NATIVE_LOAD` when the native part itself could not be loaded. */
  readonly code: string;
}

/** The tools of one account. */
export declare class AgentTools {
  /** Runs a tool on the JSON text of its parameters; resolves to the text for the model, of at most 24,000 characters. */
  call(name: string, parameters: string, origin: ToolOrigin): Promise<string>
}

/** Finds what a fork takes of a transcript in a database, from rows that are handed over newest first. */
export declare class ContextReader {
  /** A reader for the last completed turn's context, of at most so many tokens. */
  constructor(tokenBudget?: number | undefined | null)
  /**
   * Takes older rows, each one as a byte (0 as it is, 1 a Zstandard frame), its length in four bytes, lowest first, and its
   * bytes; `isAll` says that there are no others. Resolves to `null` if it needs more.
   */
  add(rows: Uint8Array, isAll: boolean): Promise<ContextFound | null>
}

/** A running account. */
export declare class Gateway {
  /**
   * Everything an operator sees of the account, as JSON: lanes, queue, dead letters, forks, loop budgets, status, counters. Bounded,
   * and without a word of what people wrote.
   */
  view(): Promise<string>
  /** Has a failed dispatch or a dead letter tried again, with all attempts before it. */
  retry(id: string): Promise<void>
  /** Gives a dead letter up for good: it is acknowledged to the server. */
  dropLetter(id: string): Promise<void>
  /** Ends the turn that runs for a dispatch, which becomes a dead letter. */
  stop(id: string): void
  /** Delivers a part of a turn's answer; resolves when it is in the chat. */
  deliver(turnId: string, part: ReplyPart): Promise<void>
  /**
   * Sends text to `cht_...` or `tsk_...` and resolves to the id of the message or comment. `run` is the id of the turn from
   * whose run it is sent.
   */
  sendText(to: string, text: string, threadId?: string | undefined | null, run?: string | undefined | null): Promise<string>
  /** The same with files. Of what answers nobody nothing is sent when a file cannot be; an answer gets a line instead of it. */
  sendMedia(to: string, outgoing: Outgoing, threadId?: string | undefined | null, run?: string | undefined | null): Promise<string>
  /**
   * Resolves when the account ends: to the reason when it cannot continue and has to be started again, to `null` when it is
   * closed.
   */
  ended(): Promise<string | null>
  /** Ends every task, socket and timer of the account, within three seconds. */
  close(): Promise<void>
}

/** Everything an operator sees of an account, as JSON, as far as its journal knows: as `Gateway.view` with `live: null`. */
export declare function accountView(options: JournalOptions): Promise<string>

/** Removes a fork's entry and transcript. Rejects for anything that is not a fork with a transcript of its own. */
export declare function cleanupForkSession(options: CleanupOptions): Promise<void>

export interface CleanupOptions {
  sessionFile: string
  sessionKey: string
  sessionsDir: string
  storeFile?: string
  /** `false` where the host has to write its store itself: delete the entry there first. */
  removeEntry?: boolean
}

/** What a context reader found. */
export interface ContextFound {
  /** JSON arrays of messages, oldest first: one call of the host's append function each. Empty if no turn has been completed yet. */
  batches: Array<string>
  /** The entry cut at. */
  lastEntryId: string
  /** How many tokens the messages have. */
  tokens: number
  /** Messages that were left out because of the budget. */
  leftOut: number
}

/** Removes a session's entry; `false` if there was none. Only for hosts that lock their store. */
export declare function deleteSessionEntry(storeFile: string, sessionKey: string): Promise<boolean>

/** Reads `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`, `groups` and `access` of a section. */
export declare function describeAccess(settings: object): DirectAccess

/** What `fetchAndApplyPlatformConfig` would change, without writing anything. */
export declare function diffPlatformConfig(options: PlatformConfigOptions): Promise<PlatformConfigOutcome>

/** Who may write in direct chats, in the words of hosts. */
export interface DirectAccess {
  /** `org` for members of the organisation, `allowlist`, `open` or `disabled`. */
  dmPolicy: string
  /** Ids of the members on the list; `*` alone when it is open. */
  allowFrom: Array<string>
}

/**
 * Gives a dead letter up for good: it is acknowledged to the server, by a running gateway within a second or two,
 * otherwise by the next start.
 */
export declare function dropDispatch(options: JournalOptions, id: string): Promise<void>

/** A turn that an earlier start of the account gave to the host. */
export interface EarlierTurn {
  /** Its id. */
  id: string
  /** The session it runs in, lower case. */
  sessionKey: string
  /** Where its answer goes. */
  target: string
}

/** An entry of a transcript, as the place to cut at. */
export interface EntryCut {
  entryId: string
}

/**
 * Brings the user's `openclaw.json` in line with the platform's newest configuration.
 *
 * Never rejects because of the network; the outcome says so. Rejects with a code for a file that must not be touched, which
 * then is as it was.
 */
export declare function fetchAndApplyPlatformConfig(options: PlatformConfigOptions): Promise<PlatformConfigOutcome>

/** Finds an account's forks that a killed process left behind. For the start, when none is in use but those in `alive`. */
export declare function findForkLeftovers(options: LeftoverOptions): Promise<ForkLeftovers>

/** A forked session. */
export interface Fork {
  /** Its session key, lower case. */
  sessionKey: string
  /** Its session id. */
  sessionId: string
  /** Its transcript, where it is a file. */
  sessionFile?: string
}

export interface ForkedSession {
  sessionKey: string
  sessionId: string
  /** The absolute path of the fork's transcript. */
  sessionFile: string
  /** The store's entry as JSON text. */
  entry: string
  /** Messages that were left out because of `tokenBudget`. */
  leftOut: number
}

/** Forks that nobody uses. */
export interface ForkLeftovers {
  sessionKeys: Array<string>
  sessionFiles: Array<string>
}

export interface ForkOptions {
  orchestratorSessionKey: string
  accountId: string
  /** The one that the store names for `orchestratorSessionKey` unless given. */
  transcriptFile?: string
  sessionsDir: string
  /** `last-completed` unless given. */
  cut?: 'last-completed' | 'leaf' | { entryId: string }
  /**
   * `full` (default): everything up to the cut. `context`: what the host shows its model there, which is all that a fork for one
   * turn needs; it is found from the end of the transcript, whose length does not matter.
   */
  history?: 'full' | 'context'
  /** Most tokens of a context. The oldest turns of a longer one are left out, with a line that says so. */
  tokenBudget?: number
  /** `sessions.json` in `sessionsDir` unless given. */
  storeFile?: string
  /** `false` where the host has to write its store itself: register `entry` under `sessionKey` then. */
  registerEntry?: boolean
}

/** Makes a fork: its transcript, and its entry in the store. `null` if there is nothing to fork. */
export declare function forkOrchestratorSession(options: ForkOptions): Promise<ForkedSession | null>

/** What an account needs to run. */
export interface GatewayOptions {
  /** Account id of the host. */
  accountId: string
  /** Origin of the Parall server, such as `https://api.parall.com`. */
  parallUrl: string
  /** The agent's key. */
  apiKey: string
  /** `org_...` */
  orgId: string
  /** Address of the socket, when it is not the one the server names. */
  wsUrl?: string
  /** The host's agent that answers. */
  agentId: string
  /** Folder in which the journal is kept, `parall/<account>.sqlite` below it; without one it is kept in memory. */
  stateDir?: string
  /** The user's `openclaw.json`. With it and `stateDir` the platform's configuration is kept in line. */
  configPath?: string
  /** What the platform's configuration may set: `models` (default), `all` or `off`. */
  platformConfig?: string
  /** Hosts besides the server's own at which the platform's models may be. */
  modelHosts?: Array<string>
  /** Most forks at once, 4 when left out; none with 0. */
  maxForks?: number
  /** How many turns agents may cause each other in an hour, 8 when left out. */
  agentTurns?: number
  /** Most bytes of a text that the agent gets, 65,536 when left out. The rest is left out, and the event says how much that was. */
  maxTextBytes?: number
  /** How many turns one sender may cause in an hour, 1,000 when left out; the rest of its events wait. */
  senderTurns?: number
  /** How many events of one sender may wait, 2,000 when left out; more are closed without an answer. */
  senderWaiting?: number
  /** How many waiting messages of a chat and thread one turn answers, 20 when left out; each has its own with 1. */
  collectEvents?: number
  /** How many characters these have together at most, 16,000 when left out. */
  collectCharacters?: number
  /** How many events may wait here before the rest waits at the server, 10,000 when left out. */
  maxWaiting?: number
  /** How many minutes a turn may run before it is called off, 60 when left out; for ever with 0. */
  turnMinutes?: number
  /**
   * Who may cause turns: `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`, `groups` and `access` as they are in the
   * section; every member of the organisation when left out.
   */
  accessSettings?: object
  /** Most MiB of a file that comes with a message, 25 when left out. */
  mediaMaxMb?: number
  /** How many files of a message are fetched, 8 when left out; none with 0. */
  mediaMaxFiles?: number
  /** Hosts to which other hosts may lead on when a file is fetched. */
  mediaHosts?: Array<string>
  /** `auto` (default): a turn's answer is sent; `explicit`: only what the agent sends by itself. */
  replies?: string
}

/** What the account asks of the host. None of the functions may throw. */
export interface HostCallbacks {
  /** Runs one agent turn; replies go to `Gateway.deliver` while it runs. */
  runTurn: (turn: Turn) => Promise<TurnOutcome>
  /**
   * Calls a turn off; its outcome follows when the host has ended it. This and the next two may be left out: then turns run to
   * their end, and none outlives a start of the account.
   */
  callOff?: (turnId: string) => void
  /** The runs of earlier starts of this account that continue in this process, or whose outcome nobody has seen. */
  earlierRuns?: () => Array<EarlierTurn>
  /** Resolves when such a run has ended. */
  followTurn?: (turnId: string) => Promise<TurnOutcome>
  /** Makes a session that knows the history of a session up to its last completed turn; `null` when there is none. */
  createFork: (parent: string) => Promise<Fork | null>
  /** Removes a fork with everything that belongs to it. */
  removeFork: (fork: Fork) => Promise<void>
  /** The forks of a session that a crash has left. */
  leftoverForks: (parent: string) => Promise<Array<Fork>>
  /** Merges a JSON object into the account's status. */
  status: (patch: string) => void
  /** Writes a line to the host's log; levels are `debug`, `info`, `warn` and `error`. */
  log: (level: string, message: string) => void
}

/** A fork that is not removed. Times are milliseconds since the epoch. */
export interface JournaledFork {
  /** Its session key. */
  sessionKey: string
  /** The chat or task that it serves. */
  target: string
  /** How far it has come. */
  state: 'creating' | 'running' | 'answered'
  /** When it was begun. */
  createdAt: number
  /** When it last changed. */
  changedAt: number
}

/** Whose journal. */
export interface JournalOptions {
  /** The host's state directory, as for `startGateway`. */
  stateDir: string
  /** Account id of the host. */
  accountId: string
}

export interface LeftoverOptions {
  orchestratorSessionKey: string
  accountId: string
  sessionsDir: string
  /** The session keys of forks that are in use. */
  alive?: Array<string>
  storeFile?: string
}

/** The forks of an account, oldest first. */
export declare function listForks(options: JournalOptions): Promise<Array<JournaledFork>>

/**
 * The account ids of a configuration: those in `channels.parall.accounts`, and `default` before them when the section has a key of its own or
 * names no account; none when there is no section.
 */
export declare function listParallAccountIds(cfg: object): Array<string>

/** What an account has not finished. Rejects when there is no journal, or one of another version. */
export declare function listQueue(options: QueueOptions): Promise<Queue>

/** A file for the agent. */
export interface Media {
  /** Where it is. */
  path: string
  /** What it is, judged by its content. */
  mimeType: string
}

/** Views of accounts as text for Prometheus. */
export declare function metricsText(views: Array<string>): string

/** Opens the tools of an account; with its gateway, what they write goes through the account's own outbox. Opens no connection. */
export declare function openTools(options: GatewayOptions, gateway?: Gateway | undefined | null): AgentTools

/** What the host sends by itself. */
export interface Outgoing {
  /** The text. */
  text: string
  /** Files: paths, or addresses in the web. */
  media: Array<string>
  /** The folders from which files may be sent, the workspace first. */
  folders: Array<string>
}

/** A value of the user's configuration that changed, or would change. */
export interface PlatformConfigChange {
  /** Its path, such as `models.providers.parall.baseUrl`. */
  path: string
  /** The file that has it. */
  file: string
  /** JSON text of the old value, secrets hidden; absent when there was none. */
  before?: string
  /** JSON text of the new value, secrets hidden. */
  after: string
}

/** A sentence for the log. */
export interface PlatformConfigNote {
  /** `info`, `warn` or `error`. */
  level: string
  /** The sentence. */
  message: string
}

/** Whose configuration is kept in line, and where. */
export interface PlatformConfigOptions {
  /** Who asks which server. */
  credentials: PlatformCredentials
  /** The host's state directory; it keeps the last known good configuration. */
  stateDir: string
  /** The user's `openclaw.json`. */
  configPath: string
  /** What the platform may set: `models` (default), `all` or `off`. */
  platformConfig?: string
  /** Hosts besides the server's own at which the platform's models may be. */
  modelHosts?: Array<string>
  /** Gets a line for everything worth one. The shim makes a function of a logger object. */
  log?: ((level: string, message: string) => void) | { info?(message: string): void, warn?(message: string): void, error?(message: string): void }
}

/** What came of it. */
export interface PlatformConfigOutcome {
  /** In a word. */
  status: 'updated' | 'unchanged' | 'cached' | 'refused' | 'unavailable' | 'none' | 'off'
  /** Version of the configuration that the user's file now follows. */
  version?: string
  /** Whether a file of the user was written. */
  written: boolean
  /** What changed, or would change. */
  changes: Array<PlatformConfigChange>
  /** Paths that are not written: the platform may not decide them, or not every host knows them. */
  leftOut: Array<string>
  /** Everything worth a line in the log. */
  notes: Array<PlatformConfigNote>
}

/** Who asks which server. */
export interface PlatformCredentials {
  /** The agent's key. */
  api_key: string
  /** Address of the Parall server. */
  parall_url: string
}

/** What a probe found. */
export interface Probe {
  /** Key, organisation and socket all work. */
  ok: boolean
  /** `usr_...` of the agent that the key belongs to. */
  agentId?: string
  /** The agent's name. */
  agentName?: string
  /** What does not work. */
  error?: string
  /** Stable code of the error. */
  code?: string
  /** How long it took. */
  elapsedMilliseconds: number
}

/** Sees whether an account would work: key, organisation, ticket, socket and hello. Never rejects. */
export declare function probeAccount(options: GatewayOptions): Promise<Probe>

/** What an account has not finished. */
export interface Queue {
  /** Dispatches that wait for a turn, for the first or for another time. */
  waiting: number
  /** Dispatches in a turn. */
  running: number
  /** Dispatches whose answer is known but not delivered or not acknowledged yet. */
  finishing: number
  /** Dead letters: given up until an operator decides. */
  dead: number
  /** The dispatches in the order in which they came, dead ones too. */
  dispatches: Array<QueuedDispatch>
}

/** A dispatch that is not over. Times are milliseconds since the epoch. */
export interface QueuedDispatch {
  /** What `retryDispatch` and `dropDispatch` take. */
  id: string
  /** How far it has come. */
  state: 'claimed' | 'adopted' | 'answered' | 'no_reply' | 'failed' | 'dead'
  /** `message` or `task`. */
  sourceType: string
  /** Id of the message or task. */
  sourceId: string
  /** Where the answer goes, `cht_...` or `tsk_...`, as soon as that is known. */
  target?: string
  /** Turns started. */
  attempts: number
  /** Session of the newest turn. */
  sessionKey?: string
  /** Why it failed or is dead. */
  cause?: string
  /** When it was admitted. */
  claimedAt: number
  /** When it last changed. */
  changedAt: number
  /** When it is tried again. */
  nextTryAt?: number
}

/** Whose queue, and how much of it. */
export interface QueueOptions {
  /** The host's state directory, as for `startGateway`. */
  stateDir: string
  /** Account id of the host. */
  accountId: string
  /** Most dispatches to list, 50 when left out. */
  limit?: number
}

/** A session's entry in the store as JSON text, or `null`. */
export declare function readSessionEntry(storeFile: string, sessionKey: string): Promise<string | null>

/**
 * Finds and removes an account's left-over forks. With `removeEntries` false, where the host has to write its store itself,
 * only the transcripts go; delete the entries first.
 */
export declare function removeForkLeftovers(options: LeftoverOptions, removeEntries?: boolean | undefined | null): Promise<ForkLeftovers>

/** A piece of an answer. */
export interface ReplyPart {
  /** `final`, `block` or `tool`. */
  kind: string
  /** The text. */
  text?: string
  /** Files the host wants to send: paths, or addresses in the web. */
  media?: Array<string>
  /** The folders from which the agent may send, its workspace first. */
  folders?: Array<string>
}

/** What `resolveParallAccount` takes. */
export interface ResolveAccountParams {
  /** The host's whole configuration. */
  cfg: object
  /** Account id; when left out the one that `defaultAccount` names, else `default`, else the first one. */
  accountId?: string
}

/** An account as the host sees it. */
export interface ResolvedAccount {
  /** Account id. */
  accountId: string
  /** True unless the section or the account says `enabled: false`. */
  enabled: boolean
  /** True when URL, key and organisation are all known and nothing else keeps the account from starting. */
  configured: boolean
  /**
   * What is set for the account in `channels.parall`, completed from the environment. `parall_url`, `api_key` and `org_id` are always texts,
   * empty when unknown.
   */
  config: Record<string, unknown>
}

/** Resolves an account; `PRLL_API_URL`, `PRLL_API_KEY`, `PRLL_ORG_ID` and `PRLL_WS_URL` fill what the configuration leaves out. */
export declare function resolveParallAccount(params: ResolveAccountParams): ResolvedAccount

/** The transcript of a session, or `null` if it has none. */
export declare function resolveTranscriptFile(sessionsDir: string, sessionKey: string, storeFile?: string | undefined | null): Promise<string | null>

/**
 * Has a failed dispatch or a dead letter tried again, with all attempts before it. A running gateway takes it on within a
 * second or two, otherwise the next start does.
 */
export declare function retryDispatch(options: JournalOptions, id: string): Promise<void>

/**
 * Runs the `parall` command with the arguments after its name and returns the exit code. Blocks: the process has nothing else
 * to do.
 */
export declare function runCommand(arguments: Array<string>): number

/** The same with files. Nothing is sent when one of them cannot be. */
export declare function sendMedia(options: GatewayOptions, to: string, outgoing: Outgoing, threadId?: string | undefined | null): Promise<string>

/** Sends text without a running account and resolves to the id of the message or comment. */
export declare function sendText(options: GatewayOptions, to: string, text: string, threadId?: string | undefined | null): Promise<string>

/** Starts an account and comes back at once; everything happens off the JavaScript thread. */
export declare function startGateway(options: GatewayOptions, host: HostCallbacks): Gateway

/** Where a call of a tool comes from. */
export interface ToolOrigin {
  /** Folders that files may be sent from; relative paths are meant from the first one. */
  folders: Array<string>
  /** Id of the turn from whose run the tool is called. */
  run?: string
}

/**
 * The life of a dispatch, message or task as JSON: when it came, was loaded, got its turns and was acknowledged, and why. Rejects when the
 * journal knows no such id.
 */
export declare function traceEvent(options: JournalOptions, id: string): Promise<string>

/** One agent turn that the host is asked to run. */
export interface Turn {
  /** Names this turn in `Gateway.deliver`. */
  id: string
  /** The session to run in, lower case. */
  sessionKey: string
  /** What the agent sees: header lines, an empty line, the text. */
  text: string
  /** The sender's text alone. */
  rawText: string
  /** Where answers go: `cht_...` or `tsk_...`. */
  target: string
  /** `direct` or `group`. */
  chatType: string
  /** The chat's name for people. */
  conversationLabel: string
  /** `usr_...` */
  senderId: string
  /** The sender's name for people. */
  senderName: string
  /** Id of the message or task. */
  messageId: string
  /** Root of the thread the message is in. */
  threadRootId?: string
  /** When it was written, milliseconds since the epoch. */
  timestamp: number
  /** An earlier turn for the same message failed; this one has to look new to the host. */
  isRepeated: boolean
  /** Files that came with the message. */
  media: Array<Media>
}

/** How a turn ended. */
export interface TurnOutcome {
  /** An agent run began. */
  started: boolean
  /** Why the host could not run the turn. */
  error?: string
  /** It was called off. */
  isCalledOff?: boolean
}

/** Sets a session's entry, given as JSON text. Only for hosts that lock their store. */
export declare function upsertSessionEntry(storeFile: string, sessionKey: string, entry: string): Promise<void>
