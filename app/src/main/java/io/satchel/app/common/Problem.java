package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.Locale;

/**
 * What went wrong, by the key of its sentence: each reader gets it in their language, the command
 * line in English.
 */
public class Problem extends IOException {
  private static final long serialVersionUID = 1L;

  private final String key;
  private final transient Object[] arguments;

  /**
   * @param key of a text that says which file, what is wrong, and what to do
   */
  public Problem(String key, Object... arguments) {
    super(new Texts(Locale.ENGLISH).get(key, arguments));
    this.key = key;
    this.arguments = arguments.clone();
  }

  /** As the other, with what led to it. */
  public Problem(String key, Throwable cause, Object... arguments) {
    super(new Texts(Locale.ENGLISH).get(key, arguments), cause);
    this.key = key;
    this.arguments = arguments.clone();
  }

  /** The sentence for a reader of {@code texts}. */
  public final String in(Texts texts) {
    return texts.get(key, arguments);
  }
}
