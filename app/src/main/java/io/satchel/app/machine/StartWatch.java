package io.satchel.app.machine;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Sees when a computer that was just switched on gets nowhere. */
final class StartWatch {

  /** How a start fails. */
  enum Trouble {
    /** The firmware found nothing to start. */
    NO_SYSTEM,
    /** The processor shut down. */
    FAULT,
    /** Nothing is on the screen, long after it should be. */
    NOTHING_SHOWN
  }

  /** What the firmware says then. */
  private static final String NOT_FOUND = "No bootable device";

  /** By then every system has shown something. */
  private static final Duration PATIENCE = Duration.ofSeconds(45);

  /** Later it has started, and what happens then has another cause. */
  private static final Duration START = Duration.ofMinutes(5);

  private boolean looked;
  private boolean told;

  /**
   * Looks at the machine.
   *
   * @param virtualNanos since power-on
   * @param faulted whether it ended by a fault of its processor's
   * @param text what a text screen shows; null for a picture
   * @param blank says whether the picture has one colour; asked at most once
   * @return what is wrong, once; null when nothing is, or when it was told before
   */
  @Nullable Trouble look(
      long virtualNanos, boolean faulted, @Nullable String text, BooleanSupplier blank) {
    if (told || virtualNanos > START.toNanos()) {
      return null;
    }
    Trouble found = null;
    if (faulted) {
      found = Trouble.FAULT;
    } else if (text != null && text.contains(NOT_FOUND)) {
      found = Trouble.NO_SYSTEM;
    } else if (!looked && virtualNanos > PATIENCE.toNanos()) {
      looked = true;
      found = (text == null ? blank.getAsBoolean() : text.isBlank()) ? Trouble.NOTHING_SHOWN : null;
    }
    told = found != null;
    return found;
  }
}
