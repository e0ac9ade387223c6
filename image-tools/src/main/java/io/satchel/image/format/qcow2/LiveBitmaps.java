package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The persistent dirty bitmaps of an image that is written. From the first write on they are marked
 * in the file as being in use, kept in memory, and written anew when the image is closed: after a
 * crash nobody believes them.
 */
final class LiveBitmaps {
  private static final int MAX_NAME = 1023;

  /** A bitmap in memory. */
  private static final class Live {
    final String name;
    final int granularityBits;
    final byte[] extra;
    int flags;
    BitSet bits;

    Live(String name, int granularityBits, byte[] extra, int flags, BitSet bits) {
      this.name = name;
      this.granularityBits = granularityBits;
      this.extra = extra;
      this.flags = flags;
      this.bits = bits;
    }

    boolean enabled() {
      return (flags & BitmapDirectory.FLAG_AUTO) != 0;
    }

    boolean consistent() {
      return (flags & BitmapDirectory.FLAG_IN_USE) == 0;
    }
  }

  private final Qcow2Image image;
  private final List<Live> live = new ArrayList<>();
  private final List<long[]> oldClusters = new ArrayList<>();

  /** Loads all bitmaps and marks them as in use in the file. */
  LiveBitmaps(Qcow2Image image) throws IOException {
    this.image = image;
    if ((image.header.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) == 0) {
      return;
    }
    List<BitmapDirectory.Entry> entries = BitmapDirectory.read(image);
    for (BitmapDirectory.Entry entry : entries) {
      live.add(
          new Live(
              entry.name(),
              entry.granularityBits(),
              entry.extra(),
              entry.flags(),
              load(image, entry)));
      remember(entry.tableOffset(), entry.tableSize() * 8L);
      for (long cell : image.readTable(entry.tableOffset(), entry.tableSize(), "a bitmap")) {
        remember(cell & Qcow2Image.OFFSET_MASK, image.clusterSize);
      }
    }
    byte[] extension = image.header.extension(Qcow2Header.EXT_BITMAPS);
    if (extension != null && !entries.isEmpty()) {
      ByteBuffer e = ByteBuffer.wrap(extension);
      remember(e.getLong(16), e.getLong(8));
      ByteArrayOutputStream marked = new ByteArrayOutputStream();
      for (BitmapDirectory.Entry entry : entries) {
        marked.writeBytes(
            new BitmapDirectory.Entry(
                    entry.tableOffset(),
                    entry.tableSize(),
                    entry.flags() | BitmapDirectory.FLAG_IN_USE,
                    entry.granularityBits(),
                    entry.name(),
                    entry.extra())
                .encode());
      }
      image.put(e.getLong(16), ByteBuffer.wrap(marked.toByteArray()));
      image.sync();
    }
  }

  private void remember(long offset, long length) {
    if (offset > 0 && length > 0) {
      oldClusters.add(
          new long[] {offset & -image.clusterSize, Math.ceilDiv(length, image.clusterSize)});
    }
  }

  /** The bits of a bitmap in the file. */
  static BitSet load(Qcow2Image image, BitmapDirectory.Entry entry) throws IOException {
    long count = Math.ceilDiv(image.header.size, 1L << entry.granularityBits());
    if (count > Integer.MAX_VALUE) {
      throw image.corrupt("has a bitmap that is too fine for its disk", entry.tableOffset());
    }
    BitSet bits = new BitSet((int) count);
    long[] table = image.readTable(entry.tableOffset(), entry.tableSize(), "a bitmap");
    long perCluster = image.clusterSize * 8;
    for (int i = 0; i < table.length && i * perCluster < count; i++) {
      int from = (int) (i * perCluster);
      long offset = table[i] & Qcow2Image.OFFSET_MASK;
      if (offset == 0) {
        if ((table[i] & 1) != 0) {
          bits.set(from, (int) Math.min(count, from + perCluster));
        }
        continue;
      }
      ByteBuffer content = ByteBuffer.allocate((int) image.clusterSize);
      image.file.read(offset, content);
      BitSet piece = BitSet.valueOf(content.array());
      for (int b = piece.nextSetBit(0); b >= 0 && from + b < count; b = piece.nextSetBit(b + 1)) {
        bits.set(from + b);
      }
    }
    return bits;
  }

  boolean isEmpty() {
    return live.isEmpty() && oldClusters.isEmpty();
  }

  /** Says that a range of the disk has been changed. */
  synchronized void mark(long offset, long length) {
    for (Live bitmap : live) {
      if (length > 0 && bitmap.enabled() && bitmap.consistent()) {
        long last = offset + length - 1;
        bitmap.bits.set(
            (int) (offset >> bitmap.granularityBits), (int) (last >> bitmap.granularityBits) + 1);
      }
    }
  }

  private Live named(String name) throws ImageException {
    for (Live bitmap : live) {
      if (bitmap.name.equals(name)) {
        return bitmap;
      }
    }
    throw refused("has no bitmap " + name, "list them with `satchel img info`");
  }

  private ImageException refused(String problem, String remedy) {
    return new ImageException(Kind.INVALID_REQUEST, image.file.name(), problem, remedy);
  }

  void add(String name, int granularityBits) throws ImageException {
    if (image.header.version < 3) {
      throw refused("is of version 2, which has no bitmaps", "amend it to version 3");
    }
    boolean taken = live.stream().anyMatch(b -> b.name.equals(name));
    if (taken || name.isEmpty() || name.length() > MAX_NAME) {
      throw refused("cannot have a bitmap " + name, "choose another name");
    }
    if (granularityBits < 9 || granularityBits > 31) {
      throw refused("cannot have a bitmap of that granularity", "choose 512 bytes to 2 GiB");
    }
    live.add(new Live(name, granularityBits, new byte[0], BitmapDirectory.FLAG_AUTO, new BitSet()));
  }

  void remove(String name) throws ImageException {
    live.remove(named(name));
  }

  private Live usable(String name) throws ImageException {
    Live bitmap = named(name);
    if (!bitmap.consistent()) {
      throw refused("has a bitmap " + name + " that a crash made useless", "remove it");
    }
    return bitmap;
  }

  void clear(String name) throws ImageException {
    usable(name).bits.clear();
  }

  void enable(String name, boolean on) throws ImageException {
    Live bitmap = usable(name);
    bitmap.flags =
        on ? bitmap.flags | BitmapDirectory.FLAG_AUTO : bitmap.flags & ~BitmapDirectory.FLAG_AUTO;
  }

  /** The bits of a bitmap, a bit for so many bytes. */
  record Content(BitSet bits, int granularityBits) {}

  Content content(String name) throws ImageException {
    Live bitmap = usable(name);
    return new Content((BitSet) bitmap.bits.clone(), bitmap.granularityBits);
  }

  /** Adds the bits of another bitmap, which may be coarser or finer. */
  void merge(String name, Content from) throws ImageException {
    Live bitmap = usable(name);
    long count = Math.ceilDiv(image.header.size, 1L << bitmap.granularityBits);
    for (int b = from.bits.nextSetBit(0); b >= 0; b = from.bits.nextSetBit(b + 1)) {
      long first = (long) b << from.granularityBits >> bitmap.granularityBits;
      long last = ((b + 1L) << from.granularityBits) - 1 >> bitmap.granularityBits;
      bitmap.bits.set((int) Math.min(first, count), (int) Math.min(last + 1, count));
    }
  }

  /** Writes all bitmaps to new places and makes them true with the header. */
  void store() throws IOException {
    ByteArrayOutputStream directory = new ByteArrayOutputStream();
    for (Live bitmap : live) {
      directory.writeBytes(write(bitmap).encode());
    }
    Qcow2Header header = image.header;
    if (live.isEmpty()) {
      header.setExtension(Qcow2Header.EXT_BITMAPS, (byte[]) null);
      header.autoclear &= ~Qcow2Header.AUTOCLEAR_BITMAPS;
    } else {
      byte[] bytes = directory.toByteArray();
      long at =
          image.refcounts.allocateAdjacent(Math.ceilDiv((long) bytes.length, image.clusterSize));
      image.put(at, ByteBuffer.wrap(bytes));
      ByteBuffer extension = ByteBuffer.allocate(24);
      extension.putInt(live.size()).putInt(0).putLong(bytes.length).putLong(at);
      header.setExtension(Qcow2Header.EXT_BITMAPS, extension.array());
      header.autoclear |= Qcow2Header.AUTOCLEAR_BITMAPS;
    }
    image.writeBack();
    image.sync();
    header.write(image.file);
    image.wrote();
    image.sync();
    for (long[] run : oldClusters) {
      image.refcounts.releaseLater(run[0], run[1]);
    }
    oldClusters.clear();
  }

  private BitmapDirectory.Entry write(Live bitmap) throws IOException {
    long bits = Math.ceilDiv(image.header.size, 1L << bitmap.granularityBits);
    long perCluster = image.clusterSize * 8;
    long[] table = new long[(int) Math.ceilDiv(bits, perCluster)];
    for (int i = 0; i < table.length; i++) {
      long from = i * perCluster;
      byte[] bytes =
          bitmap.bits.get((int) from, (int) Math.min(bits, from + perCluster)).toByteArray();
      if (bytes.length > 0) {
        ByteBuffer cluster = ByteBuffer.allocate((int) image.clusterSize);
        cluster.put(bytes).clear();
        table[i] = image.refcounts.allocateAdjacent(1);
        image.put(table[i], cluster);
      }
    }
    long at = 0;
    if (table.length > 0) {
      at = image.refcounts.allocateAdjacent(Math.ceilDiv(table.length * 8L, image.clusterSize));
      image.put(at, Qcow2Image.encode(table, 0, table.length));
    }
    return new BitmapDirectory.Entry(
        at, table.length, bitmap.flags, bitmap.granularityBits, bitmap.name, bitmap.extra);
  }
}
