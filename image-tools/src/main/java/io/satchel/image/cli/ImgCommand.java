package io.satchel.image.cli;

import io.satchel.image.block.ImageException;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.OptionSpec;

/** {@code satchel img}: looks at, makes, converts, checks and repairs disk images. */
@Command(
    name = "satchel img",
    description = "Looks at, makes, converts, checks and repairs disk images.",
    footer = {
      "",
      "Sizes take a suffix: k, M, G, T (512, 64k, 1.5G). Options of a format are listed by",
      "`satchel img create -f FORMAT -o help`. The words are those of qemu-img."
    },
    mixinStandardHelpOptions = true,
    version = "satchel img 0.1",
    synopsisSubcommandLabel = "COMMAND",
    usageHelpAutoWidth = true)
public final class ImgCommand {
  /** What the shell gets for a failure. */
  static final int FAILED = 1;

  /** Columns of a help text. */
  private static final int WIDTH = 100;

  private static final long STOP_WAIT_MS = 10_000;

  private static final SequencedMap<String, Function<Terminal, ImageCommand>> COMMANDS = commands();

  private ImgCommand() {}

  private static SequencedMap<String, Function<Terminal, ImageCommand>> commands() {
    SequencedMap<String, Function<Terminal, ImageCommand>> all = new LinkedHashMap<>();
    all.put("amend", AmendCommand::new);
    all.put("bench", BenchCommand::new);
    all.put("bitmap", BitmapCommand::new);
    all.put("cat", CatCommand::new);
    all.put("check", CheckCommand::new);
    all.put("commit", CommitCommand::new);
    all.put("compact", CompactCommand::new);
    all.put("compare", CompareCommand::new);
    all.put("convert", ConvertCommand::new);
    all.put("create", CreateCommand::new);
    all.put("dd", DdCommand::new);
    all.put("get", GetCommand::new);
    all.put("info", InfoCommand::new);
    all.put("inspect", InspectCommand::new);
    all.put("io", IoCommand::new);
    all.put("ls", LsCommand::new);
    all.put("map", MapCommand::new);
    all.put("measure", MeasureCommand::new);
    all.put("put", PutCommand::new);
    all.put("rebase", RebaseCommand::new);
    all.put("resize", ResizeCommand::new);
    all.put("snapshot", SnapshotCommand::new);
    return Collections.unmodifiableSequencedMap(all);
  }

  /** Runs as a program of its own. */
  public static void main(String[] args) {
    System.exit(run(System.out, System.err, args));
  }

  /**
   * Runs one command.
   *
   * @return the exit status: 0 for success, 1 for a failure; check and compare have more
   */
  public static int run(PrintStream out, PrintStream err, String... args) {
    return run(new Terminal(out, err, err == System.err && System.console() != null), args);
  }

  static int run(Terminal terminal, String... args) {
    PrintStream out = terminal.out;
    PrintStream err = terminal.err;
    CommandLine line = new CommandLine(new ImgCommand());
    line.getCommandSpec().usageMessage().width(WIDTH);
    addCommands(line, terminal, args.length == 0 ? "" : args[0]);
    line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setExecutionExceptionHandler((e, command, parsed) -> failure(terminal, e));
    line.setParameterExceptionHandler(
        (e, given) -> {
          err.println("satchel img: " + e.getMessage());
          err.println("Try 'satchel img --help' for more information");
          return FAILED;
        });
    if (args.length == 0) {
      err.println("satchel img: Not enough arguments");
      err.println("Try 'satchel img --help' for more information");
      return FAILED;
    }
    CountDownLatch finished = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              terminal.stop();
              try {
                // Not for the thread: it may itself be waiting for the program's end.
                boolean ended = finished.await(STOP_WAIT_MS, TimeUnit.MILLISECONDS);
                if (!ended) {
                  err.println("satchel img: Stopped in the middle of its work.");
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return line.execute(args);
    } finally {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The program is being stopped; the hook waits for this thread.
        terminal.stop();
      }
      out.flush();
      err.flush();
      finished.countDown();
    }
  }

  /**
   * Adds the command that is asked for, or all of them when it is none: making the command line of
   * one takes a few milliseconds, of all of them half a second of a fresh process.
   */
  private static void addCommands(CommandLine line, Terminal terminal, String asked) {
    Function<Terminal, ImageCommand> only = COMMANDS.get(asked);
    if (only != null) {
      addCommand(line, only.apply(terminal));
      return;
    }
    for (Function<Terminal, ImageCommand> each : COMMANDS.values()) {
      addCommand(line, each.apply(terminal));
    }
  }

  private static void addCommand(CommandLine line, ImageCommand command) {
    CommandLine each = new CommandLine(command);
    // Their own options first, as they are declared, then those that all have.
    each.getCommandSpec().usageMessage().sortOptions(false).abbreviateSynopsis(true);
    each.getCommandSpec().usageMessage().width(WIDTH).autoWidth(true);
    OptionSpec of = each.getCommandSpec().findOption("-f");
    each.getCommandSpec().remove(of);
    each.getCommandSpec()
        .addOption(OptionSpec.builder(of).description(command.formatHelp()).build());
    line.addSubcommand(each);
  }

  private static int failure(Terminal terminal, Exception e) {
    if (e instanceof Cancelled) {
      terminal.err.println("satchel img: Stopped; nothing has been changed.");
    } else if (e instanceof ImageException || e instanceof UsageException) {
      terminal.err.println("satchel img: " + e.getMessage());
    } else if (e instanceof IOException) {
      terminal.err.println("satchel img: " + e.getMessage());
    } else {
      terminal.err.println("satchel img: This is a mistake in the program: " + e);
    }
    return e instanceof UsageException usage ? usage.status() : FAILED;
  }
}
