package io.satchel.app.launch;

/**
 * The program's entry: {@code satchel}, {@code satchel IMAGE}, {@code satchel run …}, {@code
 * satchel img …}.
 */
public final class Main {

  private Main() {}

  public static void main(String[] arguments) {
    int status = run(arguments);
    System.out.flush();
    System.exit(status);
  }

  private static int run(String[] arguments) {
    String first = arguments.length == 0 ? "" : arguments[0];
    if (first.equals("img") || first.equals("run") || first.startsWith("-")) {
      return CommandLines.execute(System.out, System.err, arguments);
    }
    return Window.open(arguments);
  }
}
