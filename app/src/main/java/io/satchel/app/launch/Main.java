package io.satchel.app.launch;

import io.satchel.image.cli.ImgCommand;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The program's entry: {@code satchel}, {@code satchel IMAGE}, {@code satchel run …}, {@code
 * satchel img …}.
 */
public final class Main {

  /** The exit status of a mistake in the arguments or in a file they name. */
  static final int BAD_INPUT = 2;

  private Main() {}

  public static void main(String[] arguments) {
    int status = run(arguments);
    System.out.flush();
    System.exit(status);
  }

  private static int run(String[] arguments) {
    String first = arguments.length == 0 ? "" : arguments[0];
    if (first.equals("img")) {
      return ImgCommand.run(
          System.out, System.err, Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    if (first.equals("run") || first.startsWith("-")) {
      return commandLine().execute(arguments);
    }
    return Window.open(arguments);
  }

  private static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Root());
    line.addSubcommand(new RunCommand());
    line.setParameterExceptionHandler(
        (mistake, _) -> {
          System.err.println("satchel: " + mistake.getMessage());
          System.err.println(
              "Try: satchel " + mistake.getCommandLine().getCommandName() + " --help");
          return BAD_INPUT;
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
    @Override
    public void run() {
      CommandLine.usage(this, System.out);
    }
  }
}
