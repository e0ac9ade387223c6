package io.satchel.image;

/** Hears how far a long work is, and may stop it. */
@FunctionalInterface
public interface Progress {
  /** Hears nothing and stops nothing. */
  Progress NONE = (done, total) -> true;

  /** Called every now and then with bytes; returns false to stop. */
  boolean at(long done, long total);
}
