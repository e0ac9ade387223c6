package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;

/** Makes one sentence of whatever went wrong. */
public final class Defects {

  private Defects() {}

  /** An error as it is; a defect of the program's is logged and said kindly. */
  public static IOException asIoException(Texts texts, Throwable problem) {
    if (problem instanceof IOException io) {
      return io;
    }
    System.getLogger(Defects.class.getName())
        .log(System.Logger.Level.ERROR, "work of the window", problem);
    return new IOException(
        texts.get(
            problem instanceof OutOfMemoryError ? "error.memory" : "error.defect",
            String.valueOf(problem)),
        problem);
  }
}
