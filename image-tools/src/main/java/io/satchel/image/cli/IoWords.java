package io.satchel.image.cli;

import io.satchel.image.format.OptionReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One command of {@code img io}, taken apart as qemu-io does: options anywhere before the places
 * and lengths.
 *
 * @param options by letter; those without a value have an empty one
 */
record IoWords(String name, Map<Character, String> options, List<String> rest) {
  /** A command that cannot be understood; {@code standard} says on which stream that is told. */
  static final class Misuse extends Exception {
    private static final long serialVersionUID = 1L;
    final boolean standard;

    Misuse(String message, boolean standard) {
      super(message);
      this.standard = standard;
    }
  }

  /** The words of a line; blanks separate, quotes do not count. */
  static List<String> split(String line) {
    return line.isBlank() ? List.of() : Arrays.asList(line.strip().split("\\s+"));
  }

  /**
   * Takes the options off.
   *
   * @param known the letters; one with a colon behind it takes a value
   * @param usage what is said when there is another
   */
  static IoWords parse(List<String> words, String known, String usage) throws Misuse {
    String name = words.getFirst();
    Map<Character, String> options = new HashMap<>();
    List<String> rest = new ArrayList<>();
    for (int i = 1; i < words.size(); i++) {
      String word = words.get(i);
      if (word.length() < 2 || word.charAt(0) != '-') {
        rest.add(word);
        continue;
      }
      for (int c = 1; c < word.length(); c++) {
        char letter = word.charAt(c);
        int at = letter == ':' ? -1 : known.indexOf(letter);
        boolean valued = at >= 0 && at + 1 < known.length() && known.charAt(at + 1) == ':';
        if (at < 0) {
          throw new Misuse(name + ": invalid option -- '" + letter + "'\n" + usage, false);
        }
        if (!valued) {
          options.put(letter, "");
          continue;
        }
        String value = word.substring(c + 1);
        if (value.isEmpty()) {
          if (++i >= words.size()) {
            throw new Misuse(
                name + ": option requires an argument -- '" + letter + "'\n" + usage, false);
          }
          value = words.get(i);
        }
        options.put(letter, value);
        break;
      }
    }
    return new IoWords(name, options, rest);
  }

  boolean has(char letter) {
    return options.containsKey(letter);
  }

  @Nullable String value(char letter) {
    return options.get(letter);
  }

  static long number(String text) throws Misuse {
    long value;
    try {
      value =
          text.startsWith("0x") || text.startsWith("0X")
              ? Long.parseLong(text.substring(2), 16)
              : OptionReader.parseSize(text);
    } catch (NumberFormatException e) {
      value = -1;
    }
    if (value < 0) {
      throw new Misuse(
          "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- " + text,
          true);
    }
    return value;
  }

  static int pattern(@Nullable String text, int otherwise) throws Misuse {
    if (text == null) {
      return otherwise;
    }
    try {
      int value = Integer.decode(text);
      if (value >= 0 && value <= 255) {
        return value;
      }
    } catch (NumberFormatException e) {
      throw new Misuse(text + " is not a valid pattern byte", true);
    }
    throw new Misuse(text + " is not a valid pattern byte", true);
  }

  /** A number of bytes as qemu-io says it: 64 KiB, 195.312 KiB, 1.500 MiB. */
  static String size(double bytes) {
    String[] units = {" bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    String text = String.format(Locale.ROOT, unit == 0 ? "%f" : "%.3f", value);
    int zeros = text.indexOf(".000");
    return (zeros < 0 ? text : text.substring(0, zeros)) + units[unit];
  }

  /** Time in hundredths: 00.01 sec, or 1:02:03.04 from a minute on and where asked. */
  static String time(long nanos, boolean whole) {
    long hundredths = nanos / 10_000_000;
    long seconds = hundredths / 100;
    if (whole || seconds >= 60) {
      return String.format(
          Locale.ROOT,
          "%d:%02d:%02d.%02d",
          seconds / 3600,
          seconds / 60 % 60,
          seconds % 60,
          hundredths % 100);
    }
    return String.format(Locale.ROOT, "%02d.%02d sec", seconds, hundredths % 100);
  }

  /** The two lines about what was done, or one for a program. */
  static String report(
      String verb, long nanos, long offset, long asked, long done, boolean machine) {
    double seconds = Math.max(1, nanos) / 1e9;
    if (machine) {
      return String.format(
          Locale.ROOT,
          "%d,%d,%s,%.3f,%.3f",
          done,
          1,
          time(nanos, true),
          done / seconds,
          1 / seconds);
    }
    return String.format(
        Locale.ROOT,
        "%s %d/%d bytes at offset %d%n%s, %d ops; %s (%s/sec and %.4f ops/sec)",
        verb,
        done,
        asked,
        offset,
        size(done),
        1,
        time(nanos, false),
        size(done / seconds),
        1 / seconds);
  }
}
