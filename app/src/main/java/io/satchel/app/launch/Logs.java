package io.satchel.app.launch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.FileHandler;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** What the window's program notes for who looks for a fault: three small files in turn. */
final class Logs {

  private static final int BYTES = 512 * 1024;
  private static final int FILES = 3;

  private Logs() {}

  /** Writes to {@code folder} from now on. That it cannot is no reason not to start. */
  static void begin(Path folder) {
    Logger root = Logger.getLogger("");
    try {
      Files.createDirectories(folder);
      FileHandler handler =
          new FileHandler(folder.resolve("satchel-%g.log").toString(), BYTES, FILES, true);
      handler.setEncoding("UTF-8");
      handler.setFormatter(new SimpleFormatter());
      root.addHandler(handler);
    } catch (IOException e) {
      root.log(java.util.logging.Level.WARNING, "opening the log", e);
    }
  }
}
