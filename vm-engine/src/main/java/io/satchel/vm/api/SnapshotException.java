package io.satchel.vm.api;

import java.io.IOException;

/** Why a snapshot cannot be saved, restored or deleted, in a sentence with what to do. */
public final class SnapshotException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What is wrong, for a program. */
  public enum Kind {
    /** No disk of the machine, or not every disk that it writes to, can hold a snapshot. */
    CANNOT_HOLD,
    /** The name is taken, or is none. */
    NAME,
    /** There is no such snapshot. */
    MISSING,
    /** It is of a machine that is built differently. */
    OTHER_MACHINE,
    /** Another snapshot is being saved. */
    BUSY,
    /** The machine is not switched on, or has ended. */
    OFF
  }

  private final Kind kind;

  public SnapshotException(Kind kind, String sentence) {
    super(sentence);
    this.kind = kind;
  }

  /** What is wrong, for a program. */
  public Kind kind() {
    return kind;
  }
}
