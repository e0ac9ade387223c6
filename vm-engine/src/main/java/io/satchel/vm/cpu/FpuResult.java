package io.satchel.vm.cpu;

/**
 * What a floating-point operation gives: each processor owns one and reuses it, so that no
 * operation allocates. Its content is meaningless between instructions.
 */
public final class FpuResult {

  /** The significand of an 80-bit result; the bits of a narrower or integer one. */
  public long significand;

  /** Sign in bit 15, biased exponent in bits 14-0. */
  public int signExponent;

  /**
   * Exceptions as FSW holds them (IE to PE), C1 when the magnitude was rounded up, and condition
   * codes where an operation gives them.
   */
  public int exceptions;

  /** A second result, for operations that have two (FXTRACT, FSINCOS, FPTAN). */
  public long significand2;

  public int signExponent2;

  /** An exact 80-bit result without exceptions. */
  public void set(long newSignificand, int newSignExponent) {
    significand = newSignificand;
    signExponent = newSignExponent;
    exceptions = 0;
  }
}
