package io.satchel.vm.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes ACPI Machine Language (Advanced Configuration and Power Interface Specification 2.0,
 * chapter 17). Terms are byte arrays, made by static methods and put together; lengths are worked
 * out from what a term holds.
 */
final class AmlWriter {

  static final byte[] LOCAL0 = {0x60};
  static final byte[] LOCAL1 = {0x61};
  static final byte[] ARG0 = {0x68};

  private AmlWriter() {}

  static byte[] join(byte[]... terms) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] term : terms) {
      out.writeBytes(term);
    }
    return out.toByteArray();
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  private static byte[] little(long value, int width) {
    byte[] bytes = new byte[width];
    for (int i = 0; i < width; i++) {
      bytes[i] = (byte) (value >>> (8 * i));
    }
    return bytes;
  }

  /** NameString: segments of up to four letters, separated by dots, after a backslash or not. */
  static byte[] name(String path) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String rest = path;
    while (rest.startsWith("\\") || rest.startsWith("^")) {
      out.write(rest.charAt(0));
      rest = rest.substring(1);
    }
    String[] segments = rest.isEmpty() ? new String[0] : rest.split("\\.");
    if (segments.length == 0) {
      out.write(0);
    } else if (segments.length == 2) {
      out.write(0x2E);
    } else if (segments.length > 2) {
      out.write(0x2F);
      out.write(segments.length);
    }
    for (String segment : segments) {
      out.writeBytes((segment + "____").substring(0, 4).getBytes(StandardCharsets.US_ASCII));
    }
    return out.toByteArray();
  }

  /** An integer in its shortest form. */
  static byte[] integer(long value) {
    if (value == 0 || value == 1) {
      return bytes((int) value);
    }
    if (value >>> 8 == 0) {
      return join(bytes(0x0A), little(value, 1));
    }
    if (value >>> 16 == 0) {
      return join(bytes(0x0B), little(value, 2));
    }
    return join(bytes(0x0C), little(value, 4));
  }

  static byte[] string(String text) {
    return join(bytes(0x0D), text.getBytes(StandardCharsets.US_ASCII), bytes(0));
  }

  /** PkgLength in front of {@code body}; it counts itself. */
  private static byte[] sized(byte[] body) {
    int length = body.length + 1;
    if (length <= 0x3F) {
      return join(bytes(length), body);
    }
    length++;
    if (length <= 0xFFF) {
      return join(bytes(0x40 | length & 0x0F, length >>> 4), body);
    }
    length++;
    return join(bytes(0x80 | length & 0x0F, length >>> 4, length >>> 12), body);
  }

  static byte[] scope(String path, byte[]... terms) {
    return join(bytes(0x10), sized(join(name(path), join(terms))));
  }

  static byte[] device(String name, byte[]... terms) {
    return join(bytes(0x5B, 0x82), sized(join(name(name), join(terms))));
  }

  static byte[] named(String name, byte[] value) {
    return join(bytes(0x08), name(name), value);
  }

  /** A control method with {@code arguments} (0 to 7), serialized or not. */
  static byte[] method(String name, int arguments, boolean serialized, byte[]... terms) {
    int flags = arguments | (serialized ? 8 : 0);
    return join(bytes(0x14), sized(join(name(name), bytes(flags), join(terms))));
  }

  static byte[] packageOf(byte[]... elements) {
    return join(bytes(0x12), sized(join(bytes(elements.length), join(elements))));
  }

  static byte[] buffer(byte[] content) {
    return join(bytes(0x11), sized(join(integer(content.length), content)));
  }

  static byte[] returns(byte[] value) {
    return join(bytes(0xA4), value);
  }

  static byte[] store(byte[] value, byte[] target) {
    return join(bytes(0x70), value, target);
  }

  static byte[] and(byte[] left, byte[] right, byte[] target) {
    return join(bytes(0x7B), left, right, target);
  }

  static byte[] or(byte[] left, byte[] right, byte[] target) {
    return join(bytes(0x7D), left, right, target);
  }

  static byte[] shiftLeft(byte[] value, byte[] by, byte[] target) {
    return join(bytes(0x79), value, by, target);
  }

  /** The number of the lowest set bit, from 1. */
  static byte[] findSetRightBit(byte[] value, byte[] target) {
    return join(bytes(0x82), value, target);
  }

  static byte[] subtract(byte[] left, byte[] right, byte[] target) {
    return join(bytes(0x74), left, right, target);
  }

  static byte[] equal(byte[] left, byte[] right) {
    return join(bytes(0x93), left, right);
  }

  /** No target. */
  static byte[] nothing() {
    return bytes(0);
  }

  static byte[] when(byte[] condition, byte[]... terms) {
    return join(bytes(0xA0), sized(join(condition, join(terms))));
  }

  static byte[] otherwise(byte[]... terms) {
    return join(bytes(0xA1), sized(join(terms)));
  }

  static byte[] dwordField(byte[] buffer, int offset, String name) {
    return join(bytes(0x8A), buffer, integer(offset), name(name));
  }

  static byte[] pciRegion(String name, int offset, int length) {
    return join(bytes(0x5B, 0x80), name(name), bytes(0x02), integer(offset), integer(length));
  }

  /** Fields of whole bytes in a region. */
  static byte[] byteFields(String region, String... names) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(name(region));
    out.write(0x01); // byte access, no lock, preserve
    for (String field : names) {
      out.writeBytes(name(field));
      out.write(8);
    }
    return join(bytes(0x5B, 0x81), sized(out.toByteArray()));
  }

  /** A compressed EISA identifier such as PNP0A03. */
  static byte[] eisaId(String id) {
    int vendor = (id.charAt(0) - 0x40) << 10 | (id.charAt(1) - 0x40) << 5 | id.charAt(2) - 0x40;
    int product = Integer.parseInt(id.substring(3), 16);
    return join(bytes(0x0C), bytes(vendor >>> 8, vendor, product >>> 8, product));
  }

  // Resource descriptors (section 6.4).

  static byte[] resources(byte[]... descriptors) {
    return buffer(join(join(descriptors), bytes(0x79, 0)));
  }

  static byte[] ioPorts(int base, int count) {
    return join(bytes(0x47, 0x01), little(base, 2), little(base, 2), bytes(1, count));
  }

  /** An ISA interrupt: high, edge. */
  static byte[] irq(int line) {
    return join(bytes(0x22), little(1 << line, 2));
  }

  /** A DMA channel, 8 bits, compatibility timing. */
  static byte[] dma(int channel) {
    return bytes(0x2A, 1 << channel, 0x00);
  }

  /** Extended interrupts, level, active low, shared, consumed. */
  static byte[] interrupts(int... lines) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(bytes(0x89));
    out.writeBytes(little(2 + 4L * lines.length, 2));
    out.writeBytes(bytes(0x0D, lines.length));
    for (int line : lines) {
      out.writeBytes(little(line, 4));
    }
    return out.toByteArray();
  }

  static byte[] fixedMemory(long base, long length, boolean writable) {
    return join(bytes(0x86, 9, 0, writable ? 1 : 0), little(base, 4), little(length, 4));
  }

  /** Bus numbers 0 to {@code last} that a bridge passes on. */
  static byte[] busRange(int last) {
    return join(
        bytes(0x88),
        little(13, 2),
        bytes(2, 0x0C, 0),
        little(0, 2),
        little(0, 2),
        little(last, 2),
        little(0, 2),
        little(last + 1L, 2));
  }

  /** Ports that a bridge passes on. */
  static byte[] portRange(int first, int last) {
    return join(
        bytes(0x88),
        little(13, 2),
        bytes(1, 0x0C, 3),
        little(0, 2),
        little(first, 2),
        little(last, 2),
        little(0, 2),
        little(last - first + 1L, 2));
  }

  /** Memory that a bridge passes on; not cached, writable. */
  static byte[] memoryRange(long first, long last) {
    return join(
        bytes(0x87),
        little(23, 2),
        bytes(0, 0x0C, 1),
        little(0, 4),
        little(first, 4),
        little(last, 4),
        little(0, 4),
        little(last - first + 1, 4));
  }
}
