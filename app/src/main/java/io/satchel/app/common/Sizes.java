package io.satchel.app.common;

import java.util.Locale;

/** Amounts of bytes for a person. */
public final class Sizes {

  private static final String[] UNITS = {"bytes", "KB", "MB", "GB", "TB", "PB"};

  private Sizes() {}

  /** Such as {@code 512 MB} or {@code 2.4 GB}; a KB is 1,024 bytes, as guests count. */
  public static String of(long bytes) {
    double amount = bytes;
    int unit = 0;
    while (amount >= 1024 && unit < UNITS.length - 1) {
      amount /= 1024;
      unit++;
    }
    boolean whole = unit == 0 || amount >= 100 || amount == Math.rint(amount);
    return String.format(Locale.ROOT, whole ? "%.0f %s" : "%.1f %s", amount, UNITS[unit]);
  }

  /**
   * What a person means by such text as {@code 20}, {@code 20 GB} or {@code 1.5T}; -1 if it cannot
   * be understood. A number without a unit is in GB.
   */
  public static long parse(String text) {
    String plain = text.strip().toUpperCase(Locale.ROOT).replace(" ", "").replace(',', '.');
    if (!plain.matches("\\d{1,12}(\\.\\d{1,6})?(([KMGT]I?)?B?)")) {
      return -1;
    }
    String number = plain.replaceAll("[^\\d.]", "");
    String unit = plain.substring(number.length()).replace("I", "").replace("B", "");
    boolean bytes = unit.isEmpty() && plain.endsWith("B");
    int power = bytes ? 0 : unit.isEmpty() ? 3 : "KMGT".indexOf(unit) + 1;
    double amount = Double.parseDouble(number) * Math.pow(1024, power);
    return amount > 1L << 50 ? -1 : (long) amount;
  }
}
