package io.satchel.app.common;

import java.io.IOException;

/** A problem whose message is already a sentence in the reader's language. */
public final class Said extends IOException {
  private static final long serialVersionUID = 1L;

  public Said(String sentence) {
    super(sentence);
  }

  public Said(String sentence, Throwable cause) {
    super(sentence, cause);
  }
}
