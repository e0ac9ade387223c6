package io.satchel.app.export;

import io.satchel.app.common.Problem;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes a tar file of plain files (POSIX.1-1988, "ustar"). */
final class TarWriter implements Closeable {

  private static final int BLOCK = 512;
  private static final int NAME_BYTES = 100;
  private static final int CHUNK = 1 << 20;

  /** What eleven octal digits can say. */
  private static final long OCTAL_LIMIT = 1L << 33;

  private final OutputStream out;

  /**
   * @param out takes the bytes, and is closed with this
   */
  TarWriter(OutputStream out) {
    this.out = out;
  }

  /** Adds a short file. */
  void add(String name, byte[] content) throws IOException {
    out.write(header(name, content.length));
    out.write(content);
    pad(content.length);
  }

  /** Adds a file of the host, telling how far it is. */
  void add(String name, Path file, Progress progress) throws IOException {
    long size = Files.size(file);
    out.write(header(name, size));
    byte[] chunk = new byte[CHUNK];
    long done = 0;
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        done += n;
        if (done > size) {
          break;
        }
        out.write(chunk, 0, n);
        if (!progress.at(done, size)) {
          throw new Cancelled();
        }
      }
    }
    if (done != size) {
      throw new Problem("problem.export.changed", file);
    }
    pad(size);
  }

  private void pad(long size) throws IOException {
    out.write(new byte[(int) (Math.ceilDiv(size, BLOCK) * BLOCK - size)]);
  }

  private static byte[] header(String name, long size) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= NAME_BYTES) {
      throw new IllegalArgumentException("a name of " + bytes.length + " bytes");
    }
    ByteBuffer b = ByteBuffer.allocate(BLOCK);
    b.put(0, bytes);
    text(b, 100, "0000644\0");
    text(b, 108, "0000000\0");
    text(b, 116, "0000000\0");
    if (size < OCTAL_LIMIT) {
      text(b, 124, String.format("%011o\0", size));
    } else {
      // The usual extension: the first bit says that a number follows.
      b.put(124, (byte) 0x80).putLong(128, size);
    }
    text(b, 136, "00000000000\0");
    text(b, 148, "        ");
    text(b, 156, "0");
    text(b, 257, "ustar\00000");
    int sum = 0;
    for (byte each : b.array()) {
      sum += each & 0xFF;
    }
    text(b, 148, String.format("%06o\0 ", sum));
    return b.array();
  }

  private static void text(ByteBuffer header, int at, String text) {
    header.put(at, text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Ends the file. */
  @Override
  public void close() throws IOException {
    try (out) {
      out.write(new byte[2 * BLOCK]);
    }
  }
}
