/** `openclaw parall ...`: what an operator can ask and decide at a terminal. */
import { terminal } from "./terminal.js";

const COMMAND = { name: "parall", description: "Parall: status, queue, forks and platform configuration", hasSubcommands: true };

const print = (line) => terminal.print(line);

/** What a command needs is loaded when somebody runs it. */
const queueCommands = () => import("./queue.js");

/**
 * Offers the commands to the host. Nothing is loaded until somebody runs one, so this is right in every registration mode.
 *
 * @param {any} api the host's object of one registration
 */
export function registerCommand(api) {
  api.registerCli?.(
    ({ program, config }) => {
      const parall = program.command(COMMAND.name).description(COMMAND.description);
      addStatus(parall, config);
      addConfig(parall, config);
      addQueue(parall);
      withJson(parall.command("forks"))
        .description("Show the forks that answer chats while the agent is busy")
        .action(async (options) => (await queueCommands()).showForks(print, options));
    },
    { descriptors: [COMMAND] },
  );
}

const withJson = (command) => command.option("--json", "print one JSON object");

function addStatus(parall, config) {
  withJson(parall.command("status"))
    .description("Show what runs, waits and failed, from the running gateway or else from the journal")
    .action(async (options) => (await import("./status.js")).showStatus(config, print, options));
  withJson(parall.command("trace <id>"))
    .description("Show the life of a dispatch, message or task (dsp_..., msg_..., tsk_...) with its times")
    .action(async (id, options) => (await import("./trace.js")).showTrace(print, id, options));
  withJson(parall.command("restart"))
    .description("Start an account of the running gateway anew; turns that run go on")
    .option("--account <id>", "which account", "default")
    .action(async (options) => (await import("./restart.js")).restart(config, print, options));
}

function addConfig(parall, config) {
  const platform = parall.command("config").description("The configuration that the platform sends");
  withJson(platform.command("diff"))
    .description("Show what it would change in openclaw.json, without changing anything")
    .action(async (options) => (await import("./config.js")).diff(config, print, options));
}

function addQueue(parall) {
  const queue = parall.command("queue").description("Messages and tasks that are not finished");
  withJson(queue.command("list"))
    .description("Show them in the order in which they came, dead letters too")
    .option("--limit <count>", "most lines to show", "50")
    .action(async (options) => (await queueCommands()).showQueue(print, options));
  withJson(queue.command("retry <id>"))
    .description("Try a dead letter again")
    .action(async (id, options) => (await queueCommands()).tryAgain(print, id, options));
  withJson(queue.command("drop <id>"))
    .description("Give a dead letter up for good; nobody gets an answer")
    .action(async (id, options) => (await queueCommands()).dropLetter(print, id, options));
}
