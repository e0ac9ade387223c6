package io.satchel.app.launch;

import io.satchel.image.cli.ImgCommand;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What the program does without a window: {@code run --headless}, {@code img}, {@code --help}. */
public final class CommandLines {

  /** The exit status of a mistake in the arguments or in a file they name. */
  private static final int BAD_INPUT = 2;

  private CommandLines() {}

  /** Does what the arguments say; gives the exit status. */
  public static int execute(PrintStream out, PrintStream err, String... arguments) {
    if (arguments.length > 0 && arguments[0].equals("img")) {
      return ImgCommand.run(out, err, Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    CommandLine line = new CommandLine(new Root());
    line.addSubcommand(new RunCommand(out, err));
    // Steps such as --type come several times; picocli then calls the setter each time.
    line.setOverwrittenOptionsAllowed(true);
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    line.setParameterExceptionHandler(
        (mistake, _) -> {
          err.println("satchel: " + mistake.getMessage());
          err.println("Try: satchel " + mistake.getCommandLine().getCommandName() + " --help");
          return BAD_INPUT;
        });
    return line.execute(arguments);
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
    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
      spec.commandLine().usage(spec.commandLine().getOut());
    }
  }
}
