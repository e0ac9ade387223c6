package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** An image in a zip file (PKWARE APPNOTE 6.3.10): its largest entry, stored or deflated. */
public final class ZipFormat extends Container {
  private static final int LOCAL = 0x04034b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int END_64 = 0x06064b50;
  private static final int LOCATOR_64 = 0x07064b50;
  private static final int MAX_COMMENT = 65_535;
  private static final int MAX_DIRECTORY = 16 << 20;
  private static final int STORED = 0;
  private static final int DEFLATED = 8;

  private record Entry(int method, int flags, int crc, long packed, long size, long header) {}

  public ZipFormat(Function<ByteBuffer, ImageFormat> inner) {
    super(inner);
  }

  @Override
  public String name() {
    return "zip";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 30 && Integer.reverseBytes(head.getInt(0)) == LOCAL;
  }

  private static ByteBuffer read(Storage file, long at, int length) throws IOException {
    if (at < 0 || length < 0 || at > file.size() - length) {
      throw new ImageException(
          ImageException.Kind.TRUNCATED,
          file.name(),
          "is cut short: a part of the zip file lies past its end",
          "download or copy it again",
          Math.max(0, at),
          null);
    }
    ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    file.read(at, b);
    return b.clear();
  }

  @Override
  Storage unpack(Storage file) throws IOException {
    Entry entry = largest(file);
    if (entry == null) {
      throw ReadOnlyStorage.corrupt(file, "is a zip file with nothing in it", 0);
    }
    if ((entry.flags() & 1) != 0) {
      throw new ImageException(
          ImageException.Kind.ENCRYPTED,
          file.name(),
          "is a zip file whose content is encrypted",
          "unpack it with the program that made it");
    }
    ByteBuffer local = read(file, entry.header(), 30);
    if (local.getInt(0) != LOCAL) {
      throw ReadOnlyStorage.corrupt(file, "has a zip entry at an impossible place", entry.header());
    }
    long start =
        entry.header() + 30 + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff);
    if (entry.packed() < 0 || entry.size() < 0 || start > file.size() - entry.packed()) {
      throw ReadOnlyStorage.corrupt(file, "has a zip entry of an impossible size", entry.header());
    }
    return switch (entry.method()) {
      case STORED -> {
        if (entry.packed() != entry.size()) {
          throw ReadOnlyStorage.corrupt(file, "has a zip entry of two sizes", entry.header());
        }
        yield new Slice(file, start, entry.size());
      }
      case DEFLATED ->
          DeflatedStorage.bare(file, start, start + entry.packed(), entry.size(), entry.crc());
      default ->
          throw new ImageException(
              ImageException.Kind.UNSUPPORTED,
              file.name(),
              "is a zip file packed in a way that is not known here (method "
                  + entry.method()
                  + ")",
              "unpack it with the program that made it");
    };
  }

  private static @Nullable Entry largest(Storage file) throws IOException {
    int tail = (int) Math.min(file.size(), 22 + MAX_COMMENT);
    long tailAt = file.size() - tail;
    ByteBuffer b = read(file, tailAt, tail);
    int at = tail - 22;
    while (at >= 0 && b.getInt(at) != END) {
      at--;
    }
    if (at < 0) {
      throw new ImageException(
          ImageException.Kind.TRUNCATED,
          file.name(),
          "is cut short: the zip file's directory is missing",
          "download or copy it again",
          file.size(),
          null);
    }
    long bytes = b.getInt(at + 12) & 0xffffffffL;
    long start = b.getInt(at + 16) & 0xffffffffL;
    if (at >= 20 && b.getInt(at - 20) == LOCATOR_64) {
      ByteBuffer end = read(file, b.getLong(at - 20 + 8), 56);
      if (end.getInt(0) != END_64) {
        throw ReadOnlyStorage.corrupt(file, "has no zip directory where it says", tailAt + at);
      }
      bytes = end.getLong(40);
      start = end.getLong(48);
    }
    if (bytes < 0 || bytes > MAX_DIRECTORY) {
      throw ReadOnlyStorage.corrupt(file, "has a zip directory of an impossible size", tailAt + at);
    }
    return largest(file, start, read(file, start, (int) bytes));
  }

  private static @Nullable Entry largest(Storage file, long start, ByteBuffer b)
      throws IOException {
    Entry best = null;
    int at = 0;
    while (at + 46 <= b.limit() && b.getInt(at) == CENTRAL) {
      int name = b.getShort(at + 28) & 0xffff;
      int extra = b.getShort(at + 30) & 0xffff;
      int comment = b.getShort(at + 32) & 0xffff;
      if (at + 46 + name + extra + comment > b.limit()) {
        throw ReadOnlyStorage.corrupt(file, "has a zip directory that contradicts itself", start);
      }
      Entry entry = entry(b, at, at + 46 + name, extra);
      if (entry.size() > 0 && (best == null || entry.size() > best.size())) {
        best = entry;
      }
      at += 46 + name + extra + comment;
    }
    return best;
  }

  private static Entry entry(ByteBuffer b, int at, int extraAt, int extraBytes) {
    long packed = b.getInt(at + 20) & 0xffffffffL;
    long size = b.getInt(at + 24) & 0xffffffffL;
    long header = b.getInt(at + 42) & 0xffffffffL;
    for (int e = extraAt; e + 4 <= extraAt + extraBytes; ) {
      int length = b.getShort(e + 2) & 0xffff;
      if (b.getShort(e) == 1 && e + 4 + length <= extraAt + extraBytes) {
        // ZIP64: those fields that had no room, in this order.
        int field = e + 4;
        int stop = field + length;
        if (size == 0xffffffffL && field + 8 <= stop) {
          size = b.getLong(field);
          field += 8;
        }
        if (packed == 0xffffffffL && field + 8 <= stop) {
          packed = b.getLong(field);
          field += 8;
        }
        if (header == 0xffffffffL && field + 8 <= stop) {
          header = b.getLong(field);
        }
      }
      e += 4 + length;
    }
    return new Entry(
        b.getShort(at + 10) & 0xffff,
        b.getShort(at + 8) & 0xffff,
        b.getInt(at + 16),
        packed,
        size,
        header);
  }
}
