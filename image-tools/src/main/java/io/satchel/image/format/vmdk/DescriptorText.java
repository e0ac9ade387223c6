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
  private static final Pattern CONTENT =
      Pattern.compile("^(\\s*CID\\s*=\\s*)([0-9a-fA-F]{1,8})", Pattern.MULTILINE);

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
    String old = text(file, offset, length);
    Matcher line = CONTENT.matcher(old);
    if (!line.find()) {
      return descriptor.number("CID");
    }
    // All ones mean that there is no parent.
    long number = ThreadLocalRandom.current().nextLong(0xffffffffL);
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
    return number;
  }

  void close() throws IOException {
    file.close();
  }
}
