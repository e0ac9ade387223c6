package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Function;

/**
 * An appliance (DMTF DSP0243, "OVF package as a single file"): a tar file that begins with its
 * description; the image is the first disk in it.
 */
public final class OvaFormat extends Container {
  private static final int BLOCK = 512;
  private static final int MAX_MEMBERS = 1000;

  public OvaFormat(Function<ByteBuffer, ImageFormat> inner) {
    super(inner);
  }

  @Override
  public String name() {
    return "ova";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= BLOCK
        && text(head, 257, 5).equals("ustar")
        && name(head).endsWith(".ovf");
  }

  private static String text(ByteBuffer b, int at, int length) {
    byte[] bytes = new byte[length];
    b.get(at, bytes);
    int end = 0;
    while (end < length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }

  private static String name(ByteBuffer header) {
    return text(header, 0, 100).toLowerCase(Locale.ROOT);
  }

  /** A number in octal, or with its first bit set in base 256; -1 when it is none. */
  private static long size(ByteBuffer header) {
    if (header.get(124) < 0) {
      return header.getLong(128);
    }
    String octal = text(header, 124, 12).strip();
    return octal.matches("[0-7]{1,12}") ? Long.parseLong(octal, 8) : -1;
  }

  @Override
  Storage unpack(Storage file) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(BLOCK);
    long at = 0;
    for (int i = 0; i < MAX_MEMBERS && at + BLOCK <= file.size(); i++) {
      file.read(at, header.clear());
      header.clear();
      if (header.get(0) == 0) {
        break;
      }
      long size = size(header);
      if (size < 0) {
        throw ReadOnlyStorage.corrupt(file, "has a member of an impossible size", at);
      }
      String name = name(header);
      if (name.matches(".*\\.(vmdk|vdi|vhd|vhdx|qcow2|img|raw)")) {
        if (size > file.size() - at - BLOCK) {
          throw new ImageException(
              ImageException.Kind.TRUNCATED,
              file.name(),
              "is cut short: its disk goes on past its end",
              "download or copy it again",
              at,
              null);
        }
        return new Slice(file, at + BLOCK, size);
      }
      if (size > file.size()) {
        break;
      }
      at += BLOCK + Math.ceilDiv(size, BLOCK) * BLOCK;
    }
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED,
        file.name(),
        "is an appliance without a disk that could be read here",
        "unpack it with tar and look what is in it");
  }
}
