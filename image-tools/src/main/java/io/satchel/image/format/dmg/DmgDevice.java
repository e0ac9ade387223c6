package io.satchel.image.format.dmg;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.Unzip;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.tukaani.xz.XZInputStream;

/** An open dmg: runs of sectors, the last one unpacked kept. */
final class DmgDevice implements LayeredDevice {
  private static final int SECTOR = 512;
  private static final int LZMA_KIB = 192 << 10;

  /** How a run is stored. */
  enum Packing {
    NOTHING,
    ZERO,
    RAW,
    ADC,
    ZLIB,
    BZIP2,
    LZFSE,
    LZMA;

    static Packing of(int type) {
      return switch (type) {
        case 0, 2 -> ZERO;
        case 1 -> RAW;
        case 0x80000004 -> ADC;
        case 0x80000005 -> ZLIB;
        case 0x80000006 -> BZIP2;
        case 0x80000007 -> LZFSE;
        case 0x80000008 -> LZMA;
        default -> NOTHING;
      };
    }
  }

  /**
   * A piece of the disk.
   *
   * @param sector where on the disk, in units of 512 bytes
   * @param offset where in the file, in bytes
   */
  record Run(long sector, long count, Packing packing, long offset, int length) {}

  private final Storage file;
  private final long size;
  private final List<Run> runs;
  private int unpackedRun = -1;
  private byte[] unpacked = new byte[0];

  DmgDevice(Storage file, long size, List<Run> runs) {
    this.file = file;
    this.size = size;
    this.runs = List.copyOf(runs);
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  /** The last run that begins at or before a sector; -1 when there is none. */
  private int runAt(long sector) {
    int low = -1;
    int high = runs.size() - 1;
    while (low < high) {
      int middle = low + high + 1 >> 1;
      if (runs.get(middle).sector() <= sector) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size);
    long at = offset;
    int limit = target.limit();
    while (target.position() < limit) {
      Extent here = extent(at, limit - target.position());
      int n = (int) here.length();
      target.limit(target.position() + n);
      if (here.kind() == Kind.DATA) {
        int index = runAt(at / SECTOR);
        Run run = runs.get(index);
        long in = at - run.sector() * SECTOR;
        if (run.packing() == Packing.RAW) {
          file.read(run.offset() + in, target);
        } else {
          target.put(unpack(index), (int) in, n);
        }
      } else {
        Zeros.fill(target);
      }
      target.limit(limit);
      at += n;
    }
  }

  private byte[] unpack(int index) throws IOException {
    if (index == unpackedRun) {
      return unpacked;
    }
    Run run = runs.get(index);
    byte[] packed = new byte[run.length()];
    file.read(run.offset(), ByteBuffer.wrap(packed));
    byte[] plain = new byte[(int) run.count() * SECTOR];
    boolean good =
        switch (run.packing()) {
          case ZLIB -> Unzip.zlib(packed, plain);
          case BZIP2 -> Bzip2.unpack(packed, plain);
          case ADC -> Adc.unpack(packed, plain);
          case LZMA -> unxz(packed, plain);
          default ->
              throw new ImageException(
                  ImageException.Kind.UNSUPPORTED,
                  file.name(),
                  "is packed with "
                      + run.packing().name().toLowerCase(java.util.Locale.ROOT)
                      + ", which is not known here",
                  "convert it on a Mac with hdiutil convert -format UDZO",
                  run.offset(),
                  null);
        };
    if (!good) {
      throw BlockTableDevice.corrupt(file, "has a piece that cannot be unpacked", run.offset());
    }
    unpacked = plain;
    unpackedRun = index;
    return plain;
  }

  private static boolean unxz(byte[] packed, byte[] plain) {
    try (XZInputStream in = new XZInputStream(new ByteArrayInputStream(packed), LZMA_KIB)) {
      return in.readNBytes(plain, 0, plain.length) == plain.length;
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public Extent extent(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, size);
    int index = runAt(offset / SECTOR);
    Run run = index < 0 ? null : runs.get(index);
    long end = run == null ? 0 : (run.sector() + run.count()) * SECTOR;
    if (run != null && offset < end) {
      Kind kind = run.packing() == Packing.ZERO ? Kind.ZERO : Kind.DATA;
      return new Extent(Math.min(length, end - offset), kind);
    }
    long next = index + 1 < runs.size() ? runs.get(index + 1).sector() * SECTOR : size;
    return new Extent(Math.min(length, Math.max(1, next - offset)), Kind.ZERO);
  }

  private ImageException refused() {
    return new ImageException(
        ImageException.Kind.READ_ONLY,
        file.name(),
        "is a dmg, which can only be read",
        "convert it to qcow2");
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    throw refused();
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    throw refused();
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    throw refused();
  }

  @Override
  public void resize(long newSize) throws IOException {
    throw refused();
  }

  @Override
  public void flush() {
    // Nothing is ever written.
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
