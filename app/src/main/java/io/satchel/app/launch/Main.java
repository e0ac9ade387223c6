package io.satchel.app.launch;

import io.satchel.image.cli.ImgCommand;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * The program's entry: {@code satchel}, {@code satchel IMAGE}, {@code satchel run …}, {@code
 * satchel img …}.
 */
public final class Main {

  /** The exit status of a mistake in the arguments or in a file they name. */
  static final int BAD_INPUT = 2;

  private static final int FAILED = 1;

  private Main() {}

  public static void main(String[] arguments) {
    int status = run(System.out, System.err, arguments);
    System.out.flush();
    System.exit(status);
  }

  /** Does what the arguments say; gives the exit status. */
  public static int run(PrintStream out, PrintStream err, String... arguments) {
    String first = arguments.length == 0 ? "" : arguments[0];
    if (first.equals("img")) {
      return ImgCommand.run(out, err, Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    if (first.equals("run") || first.startsWith("-")) {
      return commandLine(out, err).execute(arguments);
    }
    return Window.open(arguments);
  }

  private static CommandLine commandLine(PrintStream out, PrintStream err) {
    CommandLine line = new CommandLine(new Root());
    line.addSubcommand(new RunCommand(out, err));
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    // A step may be given as often as it is needed.
    line.setOverwrittenOptionsAllowed(true);
    line.setParameterExceptionHandler(
        (mistake, _) -> {
          err.println("satchel: " + mistake.getMessage());
          err.println("Try: satchel " + mistake.getCommandLine().getCommandName() + " --help");
          return BAD_INPUT;
        });
    line.setExecutionExceptionHandler(
        (defect, _, _) -> {
          System.getLogger(Main.class.getName())
              .log(System.Logger.Level.DEBUG, "a command failed", defect);
          err.println("satchel: Satchel itself failed (" + defect + "); please report it.");
          return FAILED;
        });
    return line;
  }

  /** What {@code satchel --help} says. */
  @Command(
      name = "satchel",
      mixinStandardHelpOptions = true,
      version = "Satchel 0.1.0",
      description = "Runs an old computer from a disk image.",
      synopsisHeading = "Usage: satchel [IMAGE]          opens the window%n       ",
      footer = {
        "",
        "  satchel img COMMAND    looks at, converts and mends disk images; see satchel img --help"
      })
  static final class Root implements Runnable {
    @Spec private @Nullable CommandSpec spec;

    @Override
    public void run() {
      if (spec != null) {
        spec.commandLine().usage(spec.commandLine().getOut());
      }
    }
  }
}
