package io.satchel.image.format.vmdk;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the text that describes a VMDK lies.
 *
 * @param offset of the text in the file, in bytes
 * @param length of the text, with the zeros behind it
 */
record DescriptorText(Storage file, long offset, int length, Descriptor descriptor) {
  private static final Pattern CONTENT = number("CID");
  private static final Pattern PARENT = number("parentCID");

  private static Pattern number(String name) {
    return Pattern.compile("^(\\s*" + name + "\\s*=\\s*)([0-9a-fA-F]{1,8})", Pattern.MULTILINE);
  }

  /** Reads the text, whose length has been checked. */
  static DescriptorText read(Storage file, long offset, int length) throws IOException {
    return new DescriptorText(file, offset, length, new Descriptor(text(file, offset, length)));
  }

  private static String text(Storage file, long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    file.read(offset, bytes);
    return new String(bytes.array(), StandardCharsets.ISO_8859_1);
  }

  String name() {
    return file.name();
  }

  /**
   * Writes a new content number into the text and returns it; a text without one stays as it is.
   */
  long renew() throws IOException {
    // All ones mean that there is no parent.
    long number = ThreadLocalRandom.current().nextLong(0xffffffffL);
    return put(CONTENT, number) ? number : descriptor.number("CID");
  }

  /** Writes the number of the content that the disk lies over. */
  void adopt(long number) throws IOException {
    put(PARENT, number);
  }

  private boolean put(Pattern field, long number) throws IOException {
    String old = text(file, offset, length);
    Matcher line = field.matcher(old);
    if (!line.find()) {
      return false;
    }
    String next =
        old.substring(0, line.start(2))
            + String.format("%08x", number)
            + old.substring(line.end(2));
    byte[] bytes = next.getBytes(StandardCharsets.ISO_8859_1);
    int used = bytes.length;
    while (used > length && bytes[used - 1] == 0) {
      used--;
    }
    if (used > length && offset > 0) {
      throw BlockTableDevice.corrupt(
          file, "has a description that leaves no room for its content number", offset);
    }
    file.write(offset, ByteBuffer.wrap(bytes, 0, used));
    return true;
  }

  void close() throws IOException {
    file.close();
  }
}
