package io.satchel.image.format.qed;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.TwoLevelTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** QED (QEMU, docs/interop/qed_spec.txt): little-endian, two levels of tables, no counts. */
public final class QedFormat implements ImageFormat {
  private static final int MAGIC = 'Q' | 'E' << 8 | 'D' << 16;
  private static final int HEADER = 64;
  private static final int AT_SIZE = 48;
  private static final long FEATURE_BACKING = 1;
  private static final long FEATURE_NEED_CHECK = 2;
  private static final long FEATURE_RAW_BACKING = 4;
  private static final long FEATURES = 7;
  private static final long ZERO_ENTRY = 1;

  @Override
  public String name() {
    return "qed";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= HEADER && Integer.reverseBytes(head.getInt(0)) == MAGIC;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < HEADER) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, h);
    if (h.getInt(0) != MAGIC) {
      throw BlockTableDevice.corrupt(file, "is not a QED image", 0);
    }
    int cluster = h.getInt(4);
    int tableClusters = h.getInt(8);
    final long features = h.getLong(16);
    long l1 = h.getLong(40);
    long size = h.getLong(48);
    if ((features & ~FEATURES) != 0) {
      throw BlockTableDevice.unsupported(
          file, "needs features that this program does not know: " + Long.toHexString(features));
    }
    if (cluster < 4096 || cluster > 64 << 20 || Integer.bitCount(cluster) != 1) {
      throw BlockTableDevice.corrupt(file, "has clusters of an impossible size", 4);
    }
    if (tableClusters < 1
        || tableClusters > 16
        || Integer.bitCount(tableClusters) != 1
        || (long) tableClusters * cluster > 256 << 20) {
      throw BlockTableDevice.corrupt(file, "has tables of an impossible size", 8);
    }
    int entries = (int) ((long) tableClusters * cluster / 8);
    long perTable = (long) entries * cluster;
    if (size < 0 || size % 512 != 0 || Math.ceilDiv(size, perTable) > entries) {
      throw BlockTableDevice.corrupt(file, "has an impossible disk size", 48);
    }
    if (l1 <= 0 || l1 % cluster != 0) {
      throw BlockTableDevice.corrupt(file, "has its table at an impossible place", 40);
    }
    if (l1 >= file.size()) {
      throw BlockTableDevice.truncated(file, "the L1 table", l1);
    }
    if ((features & FEATURE_NEED_CHECK) != 0 && !file.readOnly() && purpose == Purpose.USE) {
      throw new ImageException(
          ImageException.Kind.CORRUPT,
          file.name(),
          "was not closed properly",
          "repair it with qemu-img check -r all",
          16,
          null);
    }
    LayeredDevice.BackingReference backing = null;
    if ((features & FEATURE_BACKING) != 0) {
      long at = h.getInt(56) & 0xffffffffL;
      int length = h.getInt(60);
      if (length <= 0 || length > 1023 || at + length > (long) cluster * 16) {
        throw BlockTableDevice.corrupt(file, "has an impossible backing file name", 56);
      }
      ByteBuffer name = ByteBuffer.allocate(length);
      file.read(at, name);
      backing =
          new LayeredDevice.BackingReference(
              new String(name.array(), StandardCharsets.UTF_8),
              (features & FEATURE_RAW_BACKING) != 0 ? "raw" : null);
    }
    TwoLevelTable table = new TwoLevelTable(file, ByteOrder.LITTLE_ENDIAN, l1, entries, entries);
    return new Device(file, size, cluster, entries, table, features, backing);
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("backing_file", "File name of a base image");
    all.put("backing_fmt", "Image format of the base image");
    all.put("cluster_size", "Cluster size (in bytes)");
    all.put("table_size", "L1/L2 table size (in clusters)");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    long cluster = reader.size("cluster_size", 65536);
    final long tableClusters = reader.size("table_size", 4);
    final String backing = reader.textOrNull("backing_file");
    final String format = reader.textOrNull("backing_fmt");
    reader.end();
    long entries = tableClusters * cluster / 8;
    if (Long.bitCount(cluster) != 1
        || cluster < 4096
        || cluster > 64 << 20
        || Long.bitCount(tableClusters) != 1
        || tableClusters > 16
        || size / cluster / entries >= entries) {
      throw OptionReader.impossible(file.name(), "cannot be made with these clusters");
    }
    ByteBuffer h = ByteBuffer.allocate((int) cluster).order(ByteOrder.LITTLE_ENDIAN);
    h.putInt(MAGIC).putInt((int) cluster).putInt((int) tableClusters).putInt(1);
    long features = backing == null ? 0 : FEATURE_BACKING;
    features |= "raw".equals(format) ? FEATURE_RAW_BACKING : 0;
    h.putLong(features).putLong(0).putLong(0).putLong(cluster);
    h.putLong(Math.ceilDiv(size, 512) * 512);
    if (backing != null) {
      byte[] name = backing.getBytes(StandardCharsets.UTF_8);
      if (name.length > 1023) {
        throw OptionReader.impossible(file.name(), "cannot have so long a backing file name");
      }
      h.putInt(HEADER).putInt(name.length).put(HEADER, name);
    }
    file.setSize(cluster + tableClusters * cluster);
    file.write(0, h.clear());
  }

  /** An open image. */
  private static final class Device extends BlockTableDevice {
    private final TwoLevelTable table;
    private final int entries;
    private final long features;
    private final @Nullable BackingReference backing;
    private long end;

    Device(
        Storage file,
        long size,
        int cluster,
        int entries,
        TwoLevelTable table,
        long features,
        @Nullable BackingReference backing)
        throws IOException {
      super(file, size, cluster);
      this.table = table;
      this.entries = entries;
      this.features = features;
      this.backing = backing;
      end = Math.ceilDiv(file.size(), cluster) * cluster;
    }

    @Override
    public @Nullable BackingReference backing() {
      return backing;
    }

    @Override
    public boolean dirty() {
      return (features & FEATURE_NEED_CHECK) != 0;
    }

    @Override
    protected long locate(long block) throws IOException {
      long entry = table.get(block);
      if (entry == 0) {
        return ABSENT;
      }
      if (entry == ZERO_ENTRY) {
        return ZERO;
      }
      if (entry < 0 || entry % blockSize != 0) {
        throw corrupt("has a cluster at an impossible place", entry);
      }
      return entry;
    }

    @Override
    protected long allocate(long block) {
      long place = end;
      end += blockSize;
      return place;
    }

    @Override
    protected void publish(long block, long place) throws IOException {
      if (!table.has(block)) {
        long at = end;
        end += entries * 8L;
        table.add(block, at);
      }
      table.set(block, place == ZERO ? ZERO_ENTRY : place);
    }

    @Override
    protected boolean hasZeroBlocks() {
      return true;
    }

    @Override
    protected void writeTables() throws IOException {
      table.write();
    }

    /** Looked at again after a repair, of which there is none: as QEMU has it. */
    @Override
    public boolean repairable() {
      return true;
    }

    @Override
    protected boolean blocksAreWhole() {
      return true;
    }

    @Override
    protected boolean checkCounts() {
      return true;
    }

    @Override
    protected boolean startsTable(long block) {
      return block % entries == 0;
    }

    @Override
    protected long leakedBlocks(int inUse, long highest) throws IOException {
      long tableClusters = entries * 8L / blockSize;
      long tables = 1;
      for (long each : table.first()) {
        tables += each == 0 ? 0 : 1;
      }
      return Math.ceilDiv(file.size(), blockSize) - 1 - tables * tableClusters - inUse;
    }

    /** Grows the disk; QEMU shrinks none of this format either. */
    @Override
    public void resize(long newSize) throws IOException {
      long old = size();
      long wanted = Math.ceilDiv(newSize, 512) * 512;
      if (wanted < old) {
        throw unsupported(file, "is a QED image, which cannot be made smaller");
      }
      if (Math.ceilDiv(wanted, (long) entries * blockSize) > entries) {
        throw OptionReader.impossible(file.name(), "has tables that are too small for that size");
      }
      setDiskSize(wanted);
      // What the backing file holds there was not part of this disk.
      long seen = Math.min(wanted, belowSize());
      if (seen > old) {
        writeZeroes(old, seen - old, false);
      }
      flush();
      ByteBuffer b = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      file.write(AT_SIZE, b.putLong(0, wanted));
      wrote();
      file.flush();
    }

    private void mark(long value) throws IOException {
      ByteBuffer b = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      file.write(16, b.putLong(0, value));
      file.flush();
    }

    @Override
    protected void beforeFirstWrite() throws IOException {
      mark(features | FEATURE_NEED_CHECK);
    }

    @Override
    protected void afterLastWrite() throws IOException {
      mark(features & ~FEATURE_NEED_CHECK);
    }
  }
}
