package io.satchel.app.common;

import java.io.IOException;

/** Makes one sentence of whatever went wrong. */
public final class Defects {

  private Defects() {}

  /** An error as it is; a defect of the program's is logged and said kindly. */
  public static IOException asIoException(Throwable problem) {
    if (problem instanceof IOException io) {
      return io;
    }
    System.getLogger(Defects.class.getName())
        .log(System.Logger.Level.ERROR, "work of the window", problem);
    return new Problem(
        problem instanceof OutOfMemoryError ? "error.memory" : "error.defect",
        problem,
        String.valueOf(problem));
  }
}
