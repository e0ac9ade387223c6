package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Function;
import org.tukaani.xz.CorruptedInputException;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.SeekableInputStream;
import org.tukaani.xz.SeekableXZInputStream;
import org.tukaani.xz.UnsupportedOptionsException;
import org.tukaani.xz.XZFormatException;

/** An image packed with xz: the file's own index says where its blocks begin. */
public final class XzFormat extends Container {
  private static final long MAGIC = 0xfd377a585a00L;

  /** A dictionary of 64 MiB, the most that xz makes of itself, fits; index and all. */
  private static final int MEMORY_KIB = 192 << 10;

  public XzFormat(Function<ByteBuffer, ImageFormat> inner) {
    super(inner);
  }

  @Override
  public String name() {
    return "xz";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 8 && head.getLong(0) >>> 16 == MAGIC;
  }

  /** Something done with the decoder, whose errors are put into words. */
  private interface Work<T> {
    T run() throws IOException;
  }

  private static <T> T worded(Storage file, Work<T> work) throws IOException {
    try {
      return work.run();
    } catch (MemoryLimitException e) {
      throw new ImageException(
          ImageException.Kind.UNSUPPORTED,
          file.name(),
          "needs more memory to be unpacked than is given to it",
          "unpack it with xz",
          -1,
          e);
    } catch (UnsupportedOptionsException e) {
      throw new ImageException(
          ImageException.Kind.UNSUPPORTED,
          file.name(),
          "is packed in a way that is not known here",
          "unpack it with xz",
          -1,
          e);
    } catch (CorruptedInputException | XZFormatException | EOFException e) {
      throw new ImageException(
          ImageException.Kind.CORRUPT,
          file.name(),
          "is broken or cut short: xz cannot unpack it",
          "download or copy it again",
          -1,
          e);
    }
  }

  @Override
  Storage unpack(Storage file) throws IOException {
    SeekableXZInputStream in = open(file);
    return in.getLargestBlockSize() > Unpacked.WORTH_A_FILE
        ? Unpacked.of(file, new Blocks(file, in))
        : new Indexed(file, in);
  }

  private static SeekableXZInputStream open(Storage file) throws IOException {
    return worded(file, () -> new SeekableXZInputStream(new Bytes(file), MEMORY_KIB));
  }

  /** The blocks as a place to begin at each. */
  private static final class Indexed extends UnpackedStorage {
    private final SeekableXZInputStream index;

    Indexed(Storage file, SeekableXZInputStream index) {
      super(file, index.length());
      this.index = index;
    }

    @Override
    long startBefore(long offset) {
      return index.getBlockPos(index.getBlockNumber(offset));
    }

    @Override
    Cursor open(long offset) throws IOException {
      Blocks cursor = new Blocks(file, XzFormat.open(file));
      worded(
          file,
          () -> {
            cursor.in.seek(startBefore(offset));
            return 0;
          });
      cursor.position = startBefore(offset);
      return cursor;
    }
  }

  private static final class Blocks extends Cursor {
    private final Storage file;
    private final SeekableXZInputStream in;

    Blocks(Storage file, SeekableXZInputStream in) {
      this.file = file;
      this.in = in;
    }

    @Override
    int read(byte[] to, int offset, int length) throws IOException {
      int n = worded(file, () -> in.read(to, offset, length));
      position += Math.max(0, n);
      return n;
    }
  }

  /** A storage as the library wants its input. */
  private static final class Bytes extends SeekableInputStream {
    private final Storage file;
    private long at;

    Bytes(Storage file) {
      this.file = file;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      long left = file.size() - at;
      if (left <= 0) {
        return length == 0 ? 0 : -1;
      }
      int n = (int) Math.min(length, left);
      file.read(at, ByteBuffer.wrap(to, offset, n));
      at += n;
      return n;
    }

    @Override
    public long length() throws IOException {
      return file.size();
    }

    @Override
    public long position() {
      return at;
    }

    @Override
    public void seek(long position) {
      at = position;
    }
  }
}
