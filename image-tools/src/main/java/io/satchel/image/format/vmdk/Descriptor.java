package io.satchel.image.format.vmdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The text that describes a VMDK: its type, its parent, and the files that hold it. */
final class Descriptor {
  static final int MAX_BYTES = 1 << 20;

  private static final Pattern EXTENT =
      Pattern.compile(
          "(RW|RDONLY|NOACCESS)\\s+(\\d{1,18})\\s+(\\w+)(?:\\s+\"([^\"]*)\"(?:\\s+(\\d{1,18}))?.*)?");

  /**
   * A piece of the disk.
   *
   * @param sectors its length in units of 512 bytes
   * @param type SPARSE, FLAT, ZERO, VMFS or another
   * @param offset for FLAT, the sector of the file where it begins
   */
  record Extent(long sectors, String type, @Nullable String file, long offset) {}

  private final Map<String, String> values = new HashMap<>();
  final List<Extent> extents = new ArrayList<>();

  Descriptor(String text) {
    for (String raw : text.split("[\\r\\n\\x00]+")) {
      String line = raw.strip();
      Matcher extent = EXTENT.matcher(line);
      if (extent.matches()) {
        String offset = extent.group(5);
        extents.add(
            new Extent(
                Long.parseLong(extent.group(2)),
                extent.group(3),
                extent.group(4),
                offset == null ? 0 : Long.parseLong(offset)));
      } else if (!line.startsWith("#") && line.contains("=")) {
        int equals = line.indexOf('=');
        String value = line.substring(equals + 1).strip();
        if (value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")) {
          value = value.substring(1, value.length() - 1);
        }
        values.put(line.substring(0, equals).strip().toLowerCase(Locale.ROOT), value);
      }
    }
  }

  String value(String name, String otherwise) {
    return values.getOrDefault(name.toLowerCase(Locale.ROOT), otherwise);
  }

  long number(String name) {
    try {
      return Long.parseLong(value(name, "0"), 16) & 0xffffffffL;
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
