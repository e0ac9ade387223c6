package io.satchel.image.format;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the options of a new image, and refuses those that nothing has asked for. */
public final class OptionReader {
  private final String file;
  private final Map<String, String> rest;

  /** The options for the image {@code file}. */
  public OptionReader(String file, Map<String, String> options) {
    this.file = file;
    this.rest = new HashMap<>(options);
    rest.remove("size");
  }

  /** A text, or null when it is not given. */
  public @Nullable String textOrNull(String name) {
    return rest.remove(name);
  }

  /** A text, or what stands for it. */
  public String text(String name, String otherwise) {
    String text = rest.remove(name);
    return text == null ? otherwise : text;
  }

  /** On or off. */
  public boolean flag(String name, boolean otherwise) throws ImageException {
    String text = rest.remove(name);
    if (text == null) {
      return otherwise;
    }
    return switch (text) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default -> throw impossible(file, "cannot have " + name + "=" + text + ", only on or off");
    };
  }

  /** A size in bytes, with a suffix as in 64k. */
  public long size(String name, long otherwise) throws ImageException {
    String text = rest.remove(name);
    if (text == null) {
      return otherwise;
    }
    long size = parseSize(text);
    if (size < 0) {
      throw impossible(file, "cannot have " + name + "=" + text + ", which is no size");
    }
    return size;
  }

  /** Takes an option that someone else reads. */
  public void accept(String name) {
    rest.remove(name);
  }

  /** Refuses what is left. */
  public void end() throws ImageException {
    if (!rest.isEmpty()) {
      throw impossible(file, "has no option " + String.join(", ", rest.keySet()));
    }
  }

  /** A request that cannot be fulfilled. */
  public static ImageException impossible(String file, String problem) {
    return new ImageException(Kind.INVALID_REQUEST, file, problem, "see the options with -o help");
  }

  /** A size in qemu-img's words (512, 64k, 1.5G), or -1 when it is none. */
  public static long parseSize(String text) {
    String number = text.strip();
    if (number.isEmpty()) {
      return -1;
    }
    int shift = "bkmgtpe".indexOf(Character.toLowerCase(number.charAt(number.length() - 1)));
    if (shift >= 0) {
      number = number.substring(0, number.length() - 1);
    }
    try {
      if (number.startsWith("0x")) {
        return shift > 0 ? -1 : Long.parseLong(number, 2, number.length(), 16);
      }
      if (!number.matches("[0-9]{1,19}(\\.[0-9]{1,18})?")) {
        return -1;
      }
      BigDecimal bytes =
          new BigDecimal(number).multiply(BigDecimal.valueOf(1L << 10 * Math.max(shift, 0)));
      return bytes.toBigInteger().longValueExact();
    } catch (ArithmeticException | NumberFormatException e) {
      return -1;
    }
  }
}
