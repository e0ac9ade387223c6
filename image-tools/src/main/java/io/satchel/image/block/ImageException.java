package io.satchel.image.block;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Something about an image file that stops the work. The message is one sentence for a person: the
 * file, what is wrong with it, and what to do.
 */
public final class ImageException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What is wrong, for a program. */
  public enum Kind {
    MISSING,
    DIRECTORY,
    UNREADABLE,
    EMPTY,
    TRUNCATED,
    ENCRYPTED,
    /** The pass phrase that was given opens nothing. */
    WRONG_PASSPHRASE,
    /** The file asks for something that this program does not know. */
    UNSUPPORTED,
    /** The file contradicts itself or its specification. */
    CORRUPT,
    BACKING_MISSING,
    BACKING_REFUSED,
    IN_USE,
    READ_ONLY,
    NO_SPACE,
    EXISTS,
    /** The caller asked for something impossible, such as an unknown format. */
    INVALID_REQUEST
  }

  private final Kind kind;
  private final String file;
  private final String problem;
  private final long offset;

  /**
   * An error without a place.
   *
   * @param file the file's name as the user knows it
   * @param problem what is wrong, a clause that continues the file's name ("is encrypted")
   * @param remedy what to do, an imperative clause without a full stop
   */
  public ImageException(Kind kind, Object file, String problem, String remedy) {
    this(kind, file, problem, remedy, -1, null);
  }

  /** An error at byte {@code offset} of the file; -1 when it has no place. */
  public ImageException(
      Kind kind,
      Object file,
      String problem,
      String remedy,
      long offset,
      @Nullable Throwable cause) {
    super(
        file
            + " "
            + problem
            + (offset >= 0 ? " (at byte " + offset + " of the file)" : "")
            + (remedy.isEmpty() ? "." : "; " + remedy + "."),
        cause);
    this.kind = kind;
    this.file = file.toString();
    this.problem = problem;
    this.offset = offset;
  }

  /** What is wrong, for a program. */
  public Kind kind() {
    return kind;
  }

  /** The file's name. */
  public String file() {
    return file;
  }

  /** What is wrong, without the file's name and the remedy. */
  public String problem() {
    return problem;
  }

  /** The byte of the file where it is wrong, or -1. */
  public long offset() {
    return offset;
  }
}
