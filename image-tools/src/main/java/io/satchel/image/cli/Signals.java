package io.satchel.image.cli;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Platform;

/** Sends this process a signal, as a program does that crashes. */
final class Signals {
  /** What abort(3) raises. */
  static final int ABORT = 6;

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
  }
}
