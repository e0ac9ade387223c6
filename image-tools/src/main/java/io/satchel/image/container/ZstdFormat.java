package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.util.zstd.ZSTDInBuffer;
import org.lwjgl.util.zstd.ZSTDOutBuffer;
import org.lwjgl.util.zstd.Zstd;

/**
 * An image packed with zstd (RFC 8878). Each frame is a place to begin at; a file of one large
 * frame has no other.
 */
public final class ZstdFormat extends Container {
  private static final int MAGIC = 0xfd2fb528;
  private static final int SKIPPABLE = 0x184d2a50;
  private static final int MAX_FRAMES = 1 << 20;

  public ZstdFormat(Function<ByteBuffer, ImageFormat> inner) {
    super(inner);
  }

  @Override
  public String name() {
    return "zst";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 8 && Integer.reverseBytes(head.getInt(0)) == MAGIC;
  }

  /** A frame; the size is -1 when it does not say. */
  private record Frame(long start, long end, long size) {}

  @Override
  Storage unpack(Storage file) throws IOException {
    TreeMap<Long, Long> starts = new TreeMap<>();
    long at = 0;
    long output = 0;
    boolean large = false;
    for (int frames = 0; at < file.size(); frames++) {
      Frame frame = frame(file, at);
      if (frame == null || frames > MAX_FRAMES) {
        break;
      }
      long size = frame.size();
      if (size < 0) {
        try (Frames cursor = new Frames(file, frame.start(), frame.end())) {
          byte[] scratch = new byte[128 << 10];
          int n = cursor.read(scratch, 0, scratch.length);
          while (n >= 0) {
            n = cursor.read(scratch, 0, scratch.length);
          }
          size = cursor.position;
        }
      }
      large |= size > Unpacked.WORTH_A_FILE;
      if (size > 0) {
        starts.put(output, frame.start());
      }
      output = Math.addExact(output, size);
      at = frame.end();
    }
    return large
        ? Unpacked.of(file, new Frames(file, 0, at))
        : new Indexed(file, output, at, starts);
  }

  private static final class Indexed extends UnpackedStorage {
    private final TreeMap<Long, Long> starts;
    private final long end;

    Indexed(Storage file, long size, long end, TreeMap<Long, Long> starts) {
      super(file, size);
      this.end = end;
      this.starts = starts;
    }

    @Override
    long startBefore(long offset) {
      Long start = starts.floorKey(offset);
      return start == null ? 0 : start;
    }

    @Override
    Cursor open(long offset) {
      var start = starts.floorEntry(offset);
      Frames cursor = new Frames(file, start == null ? 0 : start.getValue(), end);
      cursor.position = start == null ? 0 : start.getKey();
      return cursor;
    }
  }

  private static ImageException truncated(Storage file) throws IOException {
    return new ImageException(
        ImageException.Kind.TRUNCATED,
        file.name(),
        "is cut short: its packed data goes on past its end",
        "download or copy it again",
        file.size(),
        null);
  }

  /** Walks over one frame by the lengths of its blocks; null when there is none. */
  private static @Nullable Frame frame(Storage file, long start) throws IOException {
    ByteBuffer h = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
    file.read(start, h);
    int magic = h.getInt(0);
    if ((magic & ~15) == SKIPPABLE) {
      long end = start + 8 + (h.getInt(4) & 0xffffffffL);
      if (end > file.size()) {
        throw truncated(file);
      }
      return new Frame(start, end, 0);
    }
    if (magic != MAGIC) {
      return null;
    }
    int descriptor = h.get(4) & 0xff;
    boolean single = (descriptor & 32) != 0;
    int dictionary = new int[] {0, 1, 2, 4}[descriptor & 3];
    int sizeBytes = new int[] {single ? 1 : 0, 2, 4, 8}[descriptor >> 6];
    int at = 5 + (single ? 0 : 1) + dictionary;
    long size =
        switch (sizeBytes) {
          case 1 -> h.get(at) & 0xff;
          case 2 -> (h.getShort(at) & 0xffff) + 256;
          case 4 -> h.getInt(at) & 0xffffffffL;
          case 8 -> h.getLong(at);
          default -> -1;
        };
    if (size < -1) {
      throw ReadOnlyStorage.corrupt(file, "has a frame of an impossible size", start);
    }
    long block = start + at + sizeBytes;
    while (true) {
      if (block + 3 > file.size()) {
        throw truncated(file);
      }
      file.read(block, h.clear().limit(4));
      int header = h.clear().getInt(0) & 0xffffff;
      int type = header >> 1 & 3;
      if (type == 3) {
        throw ReadOnlyStorage.corrupt(file, "has a block of an unknown type", block);
      }
      block += 3 + (type == 1 ? 1 : header >> 3);
      if ((header & 1) != 0) {
        break;
      }
    }
    long end = block + ((descriptor & 4) != 0 ? 4 : 0);
    if (end > file.size()) {
      throw truncated(file);
    }
    return new Frame(start, end, size);
  }

  /** Unpacks frames; the library bounds the window at 128 MiB. */
  private static final class Frames extends Cursor {
    private static final int INPUT = 128 << 10;

    private final Storage file;
    private final long end;
    private long at;
    private final long context = Zstd.ZSTD_createDCtx();
    private final ByteBuffer in = MemoryUtil.memAlloc(INPUT);
    private final ByteBuffer out = MemoryUtil.memAlloc(INPUT);
    private final ZSTDInBuffer input = ZSTDInBuffer.calloc();
    private final ZSTDOutBuffer output = ZSTDOutBuffer.calloc();
    private boolean closed;

    Frames(Storage file, long start, long end) {
      this.file = file;
      this.at = start;
      this.end = end;
      input.src(in.clear().limit(0));
    }

    @Override
    int read(byte[] to, int offset, int length) throws IOException {
      output.dst(out.clear().limit(Math.min(length, INPUT))).pos(0);
      while (output.pos() == 0) {
        if (input.pos() == input.size()) {
          int n = (int) Math.min(INPUT, end - at);
          if (n <= 0) {
            return flush(to, offset);
          }
          in.clear().limit(n);
          file.read(at, in);
          at += n;
          input.src(in.flip()).pos(0);
        }
        long left = Zstd.ZSTD_decompressStream(context, output, input);
        if (Zstd.ZSTD_isError(left)) {
          throw ReadOnlyStorage.corrupt(
              file, "cannot be unpacked (" + Zstd.ZSTD_getErrorName(left) + ")", at);
        }
      }
      return hand(to, offset);
    }

    private int hand(byte[] to, int offset) {
      int n = (int) output.pos();
      out.get(0, to, offset, n);
      position += n;
      return n;
    }

    /** What the library still holds after the last input. */
    private int flush(byte[] to, int offset) throws IOException {
      long left = Zstd.ZSTD_decompressStream(context, output, input);
      if (Zstd.ZSTD_isError(left)) {
        throw ReadOnlyStorage.corrupt(
            file, "cannot be unpacked (" + Zstd.ZSTD_getErrorName(left) + ")", at);
      }
      return output.pos() == 0 ? -1 : hand(to, offset);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        Zstd.ZSTD_freeDCtx(context);
        MemoryUtil.memFree(in);
        MemoryUtil.memFree(out);
        input.free();
        output.free();
      }
    }
  }
}
