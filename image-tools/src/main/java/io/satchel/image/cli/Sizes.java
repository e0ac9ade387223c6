package io.satchel.image.cli;

import java.math.BigDecimal;
import java.math.MathContext;

/** Sizes in words, as qemu-img says them. */
final class Sizes {
  private static final String[] UNITS = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

  private Sizes() {}

  /** Three digits and a unit: 196 KiB, 1.5 GiB. */
  static String human(long bytes) {
    int unit = 0;
    // The next unit from 1000 on, not from 1024.
    double scaled = bytes;
    while (scaled >= 1000 && unit < UNITS.length - 1) {
      scaled /= 1024;
      unit++;
    }
    BigDecimal rounded = new BigDecimal(scaled).round(new MathContext(3)).stripTrailingZeros();
    return rounded.toPlainString() + " " + UNITS[unit] + "B";
  }
}
