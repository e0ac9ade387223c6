package io.satchel.image.block;

import java.io.IOException;

/** Hears how far a long work inside a format is, and may stop it by what it throws. */
@FunctionalInterface
public interface Watch {
  /** Hears nothing and stops nothing. */
  Watch NONE = (done, total) -> {};

  /** Called every now and then with bytes, and with {@code done == total} at the end. */
  void at(long done, long total) throws IOException;
}
