/** `openclaw parall ...`: what an operator can ask and decide at a terminal. */
const COMMAND = { name: "parall", description: "Parall: queue, forks and platform configuration", hasSubcommands: true };

const print = (line) => console.log(line);

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
      addConfig(parall, config);
      addQueue(parall);
      parall
        .command("forks")
        .description("Show the forks that answer chats while the agent is busy")
        .action(async () => (await queueCommands()).showForks(print));
    },
    { descriptors: [COMMAND] },
  );
}

function addConfig(parall, config) {
  const platform = parall.command("config").description("The configuration that the platform sends");
  platform
    .command("diff")
    .description("Show what it would change in openclaw.json, without changing anything")
    .action(async () => (await import("./config.js")).diff(config, print));
}

function addQueue(parall) {
  const queue = parall.command("queue").description("Messages and tasks that are not finished");
  queue
    .command("list")
    .description("Show them in the order in which they came, dead letters too")
    .option("--limit <count>", "most lines to show", "50")
    .action(async (options) => (await queueCommands()).showQueue(print, options?.limit));
  queue
    .command("retry <id>")
    .description("Try a dead letter again")
    .action(async (id) => (await queueCommands()).tryAgain(print, id));
  queue
    .command("drop <id>")
    .description("Give a dead letter up for good; nobody gets an answer")
    .action(async (id) => (await queueCommands()).dropLetter(print, id));
}
