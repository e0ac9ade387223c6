package io.satchel.image.cli;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Platform;

/** Sends this process a signal, as a program does that crashes. */
final class Signals {
  /** What abort(3) raises. */
  static final int ABORT = 6;

  private static final int HANGUP = 1;
  private static final int INTERRUPT = 2;
  private static final int TERMINATE = 15;

  private Signals() {}

  private interface LibC extends Library {
    int raise(int signal);
  }

  /** Raises a signal; where there are none, {@link #ABORT} still ends the process at once. */
  static void raise(int signal) {
    if (Platform.isWindows()) {
      if (signal == ABORT) {
        Runtime.getRuntime().halt(3);
      }
      throw new UsageException("There are no signals on this system");
    }
    Native.load("c", LibC.class).raise(signal);
    if (signal == HANGUP || signal == INTERRUPT || signal == TERMINATE) {
      untilTheEndBegins();
    }
  }

  /**
   * The JVM answers these on a thread of its own. Without waiting for it, the program might end as
   * if nothing had been raised. A signal that the starter had ignored ends nothing.
   */
  private static void untilTheEndBegins() {
    Thread probe = new Thread(() -> {});
    try {
      for (int n = 0; n < 200; n++) {
        Runtime.getRuntime().addShutdownHook(probe);
        Runtime.getRuntime().removeShutdownHook(probe);
        Thread.sleep(10);
      }
    } catch (IllegalStateException _) {
      // It has begun.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
