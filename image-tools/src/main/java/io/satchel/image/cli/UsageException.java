package io.satchel.image.cli;

/** The command line asks for something that cannot be done. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;

  UsageException(String message) {
    this(message, ImgCommand.FAILED);
  }

  UsageException(String message, int status) {
    super(message);
    this.status = status;
  }

  int status() {
    return status;
  }
}
