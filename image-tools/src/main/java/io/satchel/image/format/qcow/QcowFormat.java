package io.satchel.image.format.qcow;

import io.satchel.image.crypt.LegacyAes;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.TwoLevelTable;
import io.satchel.image.format.Unzip;
import io.satchel.image.format.luks.LuksFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * qcow version 1 (QEMU, block/qcow.c): big-endian, two levels of tables, packed clusters. Encrypted
 * images are only read.
 */
public final class QcowFormat implements ImageFormat {
  private static final int MAGIC = 0x514649FB;
  private static final int HEADER = 48;
  private static final int CRYPT_NONE = 0;
  private static final int CRYPT_AES = 1;
  private static final long PACKED_FLAG = 1L << 63;

  @Override
  public String name() {
    return "qcow";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= HEADER && head.getInt(0) == MAGIC && head.getInt(4) == 1;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    return open(file, purpose, Passphrase.none());
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose, Passphrase passphrase)
      throws IOException {
    if (file.size() < HEADER) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER);
    file.read(0, h);
    h.flip();
    if (!probe(h)) {
      throw BlockTableDevice.corrupt(file, "is not a qcow image of version 1", 0);
    }
    long size = h.getLong(24);
    int bits = h.get(32);
    int l2Bits = h.get(33);
    if (bits < 9 || bits > 16 || l2Bits < 6 || l2Bits > 13) {
      throw BlockTableDevice.corrupt(file, "has clusters or tables of an impossible size", 32);
    }
    int method = h.getInt(36);
    if (method != CRYPT_NONE && method != CRYPT_AES) {
      throw BlockTableDevice.unsupported(file, "is encrypted in an unknown way");
    }
    byte[] secret = method == CRYPT_AES ? passphrase.bytes() : null;
    if (method == CRYPT_AES && secret == null && passphrase.needed()) {
      throw LuksFormat.locked(file);
    }
    long entries = Math.ceilDiv(size, 1L << bits + l2Bits);
    if (size <= 1 || size > 1L << 60 || entries > 1 << 27) {
      throw BlockTableDevice.corrupt(file, "has an impossible disk size", 24);
    }
    long l1 = h.getLong(40);
    if (l1 < 0 || l1 + entries * 8 > file.size()) {
      throw BlockTableDevice.truncated(file, "the L1 table", l1);
    }
    LayeredDevice.BackingReference backing = null;
    long at = h.getLong(8);
    int length = h.getInt(16);
    if (at != 0) {
      if (at < 0 || length <= 0 || length > 1023 || at + length > file.size()) {
        throw BlockTableDevice.corrupt(file, "has an impossible backing file name", 8);
      }
      ByteBuffer name = ByteBuffer.allocate(length);
      file.read(at, name);
      backing =
          new LayeredDevice.BackingReference(
              new String(name.array(), StandardCharsets.UTF_8), null);
    }
    TwoLevelTable table =
        new TwoLevelTable(file, ByteOrder.BIG_ENDIAN, l1, (int) entries, 1 << l2Bits);
    long disk = Math.ceilDiv(size, 512) * 512;
    return method == CRYPT_NONE
        ? new Device(file, disk, bits, l2Bits, table, backing)
        : new Encrypted(
            file,
            disk,
            bits,
            l2Bits,
            table,
            backing,
            secret == null ? null : new LegacyAes(secret));
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("backing_file", "File name of a base image");
    all.put("backing_fmt", "Format of the backing image");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    String backing = reader.textOrNull("backing_file");
    reader.accept("backing_fmt");
    reader.end();
    byte[] name = backing == null ? new byte[0] : backing.getBytes(StandardCharsets.UTF_8);
    // As QEMU: small clusters over a backing file, pages otherwise.
    final int bits = backing == null ? 12 : 9;
    final int l2Bits = backing == null ? 9 : 12;
    long l1 = Math.ceilDiv(HEADER + name.length, 8) * 8L;
    long entries = Math.ceilDiv(size, 1L << bits + l2Bits);
    if (size <= 1 || entries > 1 << 27 || name.length > 1023) {
      throw OptionReader.impossible(file.name(), "cannot be made with this size or backing file");
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER);
    h.putInt(MAGIC).putInt(1).putLong(name.length == 0 ? 0 : HEADER).putInt(name.length).putInt(0);
    h.putLong(Math.ceilDiv(size, 512) * 512).put((byte) bits).put((byte) l2Bits);
    h.putShort((short) 0).putInt(0).putLong(l1).flip();
    file.write(0, h);
    if (name.length > 0) {
      file.write(HEADER, ByteBuffer.wrap(name));
    }
    file.setSize(Math.max(l1 + entries * 8, 512));
  }

  /** An open image. */
  private static class Device extends BlockTableDevice {
    private final TwoLevelTable table;
    private final int bits;
    private final int l2Bits;
    private final @Nullable BackingReference backing;
    private long end;
    private long unpackedEntry;
    private byte[] unpacked = new byte[0];

    Device(
        Storage file,
        long size,
        int bits,
        int l2Bits,
        TwoLevelTable table,
        @Nullable BackingReference backing)
        throws IOException {
      super(file, size, 1 << bits);
      this.table = table;
      this.bits = bits;
      this.l2Bits = l2Bits;
      this.backing = backing;
      end = Math.ceilDiv(file.size(), blockSize) * blockSize;
    }

    @Override
    public @Nullable BackingReference backing() {
      return backing;
    }

    @Override
    protected long locate(long block) throws IOException {
      long entry = table.get(block);
      return entry == 0 ? ABSENT : entry < 0 ? PACKED : entry;
    }

    @Override
    protected synchronized byte[] readPacked(long block) throws IOException {
      long entry = table.get(block);
      if (entry == unpackedEntry) {
        return unpacked;
      }
      int length = (int) (entry >>> 63 - bits & blockSize - 1);
      long offset = entry & (1L << 63 - bits) - 1 & ~PACKED_FLAG;
      byte[] packed = new byte[length];
      file.read(offset, ByteBuffer.wrap(packed));
      byte[] plain = new byte[blockSize];
      if (!Unzip.raw(packed, plain)) {
        throw corrupt("has a compressed cluster that cannot be unpacked", offset);
      }
      unpacked = plain;
      unpackedEntry = entry;
      return plain;
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
        end += Math.ceilDiv(8L << l2Bits, blockSize) * blockSize;
        table.add(block, at);
      }
      table.set(block, place);
    }

    @Override
    protected void writeTables() throws IOException {
      table.write();
    }
  }

  /** An image whose stored clusters are encrypted; packed ones are not. */
  private static final class Encrypted extends Device {
    private final @Nullable LegacyAes aes;

    Encrypted(
        Storage file,
        long size,
        int bits,
        int l2Bits,
        TwoLevelTable table,
        @Nullable BackingReference backing,
        @Nullable LegacyAes aes)
        throws IOException {
      super(file, size, bits, l2Bits, table, backing);
      this.aes = aes;
    }

    @Override
    public boolean encrypted() {
      return true;
    }

    @Override
    public boolean readOnly() {
      return true;
    }

    @Override
    protected void readStored(long place, long offset, ByteBuffer target) throws IOException {
      LegacyAes unlocked = aes;
      if (unlocked == null) {
        throw LuksFormat.locked(file);
      }
      unlocked.read(file, place, offset, target);
    }

    @Override
    public Status status(long offset, long length) throws IOException {
      Status plain = super.status(offset, length);
      return new Status(
          plain.length(), plain.present(), plain.zero(), plain.data(), -1, plain.compressed());
    }
  }
}
