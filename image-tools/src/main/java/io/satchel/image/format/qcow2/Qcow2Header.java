package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The header of a qcow2 image: everything in its first cluster. The fields are named as in the
 * specification (docs/interop/qcow2.txt, "Header"). What this program does not know (further header
 * bytes, extensions) is kept and written back as it was.
 */
final class Qcow2Header {
  static final int MAGIC = 0x514649FB;
  static final int V2_LENGTH = 72;
  static final int V3_LENGTH = 104;

  static final long INCOMPAT_DIRTY = 1;
  static final long INCOMPAT_CORRUPT = 1 << 1;
  static final long INCOMPAT_DATA_FILE = 1 << 2;
  static final long INCOMPAT_COMPRESSION = 1 << 3;
  static final long INCOMPAT_EXTENDED_L2 = 1 << 4;
  static final long INCOMPAT_KNOWN = 0x1f;
  static final long COMPAT_LAZY_REFCOUNTS = 1;
  static final long AUTOCLEAR_BITMAPS = 1;
  static final long AUTOCLEAR_DATA_FILE_RAW = 1 << 1;
  static final long AUTOCLEAR_KNOWN = 3;

  static final int EXT_END = 0;
  static final int EXT_BACKING_FORMAT = 0xE2792ACA;
  static final int EXT_FEATURE_NAMES = 0x6803f857;
  static final int EXT_BITMAPS = 0x23852875;
  static final int EXT_CRYPTO = 0x0537be77;
  static final int EXT_DATA_FILE = 0x44415441;

  static final int CRYPT_NONE = 0;
  static final int CRYPT_AES = 1;
  static final int CRYPT_LUKS = 2;

  static final int COMPRESSION_ZLIB = 0;
  static final int COMPRESSION_ZSTD = 1;

  static final long MAX_L1_BYTES = 32L << 20;
  static final long MAX_REFCOUNT_TABLE_BYTES = 8L << 20;
  static final int MAX_SNAPSHOTS = 65536;
  static final long MAX_OFFSET = 1L << 56;
  static final int MAX_BACKING_NAME = 1023;

  /** A header extension as it is in the file. */
  record Extension(int type, byte[] data) {}

  int version = 3;
  int clusterBits = 16;
  long size;
  int cryptMethod;
  int l1Size;
  long l1Offset;
  long refcountTableOffset;
  int refcountTableClusters;
  int snapshotCount;
  long snapshotsOffset;
  long incompatible;
  long compatible;
  long autoclear;
  int refcountOrder = 4;
  int compressionType;

  /** What lies between the known fields and the header's length. */
  byte[] furtherFields = new byte[0];

  /** The header's length; 104 or 112 in images that QEMU writes. */
  int headerLength = V3_LENGTH;

  @Nullable String backingName;
  final List<Extension> extensions = new ArrayList<>();

  int clusterSize() {
    return 1 << clusterBits;
  }

  boolean extendedL2() {
    return (incompatible & INCOMPAT_EXTENDED_L2) != 0;
  }

  boolean externalData() {
    return (incompatible & INCOMPAT_DATA_FILE) != 0;
  }

  boolean dirty() {
    return (incompatible & INCOMPAT_DIRTY) != 0;
  }

  boolean corrupt() {
    return (incompatible & INCOMPAT_CORRUPT) != 0;
  }

  int l2EntrySize() {
    return extendedL2() ? 16 : 8;
  }

  /** The guest bytes that one L1 entry stands for. */
  long bytesPerL1Entry() {
    return (long) (clusterSize() / l2EntrySize()) << clusterBits;
  }

  @Nullable String backingFormat() {
    return text(EXT_BACKING_FORMAT);
  }

  @Nullable String dataFileName() {
    return text(EXT_DATA_FILE);
  }

  private @Nullable String text(int type) {
    byte[] data = extension(type);
    return data == null ? null : new String(data, StandardCharsets.UTF_8);
  }

  byte @Nullable [] extension(int type) {
    for (Extension extension : extensions) {
      if (extension.type() == type) {
        return extension.data();
      }
    }
    return null;
  }

  /** Sets, replaces or (with null) removes an extension. */
  void setExtension(int type, byte @Nullable [] data) {
    for (int i = 0; i < extensions.size(); i++) {
      if (extensions.get(i).type() == type) {
        if (data == null) {
          extensions.remove(i);
        } else {
          extensions.set(i, new Extension(type, data));
        }
        return;
      }
    }
    if (data != null) {
      extensions.add(0, new Extension(type, data));
    }
  }

  void setExtension(int type, String data) {
    setExtension(type, data.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads and checks the header.
   *
   * @throws ImageException if it is cut short, breaks the specification or asks for the unknown
   */
  static Qcow2Header read(Storage file) throws IOException {
    return new Reader(file).read();
  }

  private byte[] backingBytes() {
    return backingName == null ? new byte[0] : backingName.getBytes(StandardCharsets.UTF_8);
  }

  private long encodedLength() {
    long total = (version == 2 ? V2_LENGTH : headerLength) + 8L + backingBytes().length;
    for (Extension extension : extensions) {
      total += 8 + Math.ceilDiv(extension.data().length, 8) * 8L;
    }
    return total;
  }

  /** Whether all of it has room in the first cluster. */
  private boolean fits() {
    return encodedLength() <= clusterSize();
  }

  /** The bytes of the header up to the end of the backing file's name. */
  ByteBuffer encode(String name) throws ImageException {
    if (!fits()) {
      // The names of the features are a courtesy, and small clusters have no room for it.
      setExtension(EXT_FEATURE_NAMES, (byte[]) null);
    }
    byte[] backing = backingBytes();
    int length = version == 2 ? V2_LENGTH : headerLength;
    long total = encodedLength();
    if (total > clusterSize() || backing.length > MAX_BACKING_NAME) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          name,
          "has no room in its first cluster for the backing file's name",
          "use a shorter name or larger clusters");
    }
    ByteBuffer b = ByteBuffer.allocate((int) total);
    b.putInt(MAGIC).putInt(version);
    b.putLong(backing.length == 0 ? 0 : total - backing.length).putInt(backing.length);
    b.putInt(clusterBits).putLong(size).putInt(cryptMethod).putInt(l1Size).putLong(l1Offset);
    b.putLong(refcountTableOffset).putInt(refcountTableClusters);
    b.putInt(snapshotCount).putLong(snapshotsOffset);
    if (version >= 3) {
      b.putLong(incompatible).putLong(compatible).putLong(autoclear);
      b.putInt(refcountOrder).putInt(headerLength);
      if (headerLength > V3_LENGTH) {
        b.put((byte) compressionType);
        b.put(furtherFields);
      }
    }
    b.position(length);
    for (Extension extension : extensions) {
      b.putInt(extension.type()).putInt(extension.data().length).put(extension.data());
      b.position(Math.ceilDiv(b.position(), 8) * 8);
    }
    b.putInt(EXT_END).putInt(0);
    b.put(backing);
    return b.flip();
  }

  /** Writes the whole first cluster, so that nothing of an older header stays behind it. */
  void write(Storage file) throws IOException {
    ByteBuffer cluster = ByteBuffer.allocate(clusterSize());
    cluster.put(encode(file.name())).clear();
    file.write(0, cluster);
  }

  /** The feature bits' names, as QEMU writes them for programs that do not know a bit. */
  static byte[] featureNames() {
    String[][] names = {
      {"dirty bit", "corrupt bit", "external data file", "compression type", "extended L2 entries"},
      {"lazy refcounts"},
      {"bitmaps", "raw external data"}
    };
    ByteBuffer b = ByteBuffer.allocate(8 * 48);
    for (int type = 0; type < names.length; type++) {
      for (int bit = 0; bit < names[type].length; bit++) {
        int start = b.position();
        b.put((byte) type).put((byte) bit);
        b.put(names[type][bit].getBytes(StandardCharsets.US_ASCII));
        b.position(start + 48);
      }
    }
    return b.array();
  }

  /** Reads one header, field by field. */
  private static final class Reader {
    private final Storage file;
    private final Qcow2Header h = new Qcow2Header();

    Reader(Storage file) {
      this.file = file;
    }

    Qcow2Header read() throws IOException {
      long fileSize = file.size();
      if (fileSize < V2_LENGTH) {
        throw truncated("is cut short inside the qcow2 header", fileSize);
      }
      ByteBuffer b = ByteBuffer.allocate((int) Math.min(fileSize, V3_LENGTH + 8));
      file.read(0, b);
      b.flip();
      h.version = b.getInt(4);
      if (h.version < 2 || h.version > 3) {
        throw new ImageException(
            Kind.UNSUPPORTED,
            file.name(),
            "is a qcow2 image of version " + Integer.toUnsignedString(h.version),
            "convert it to version 2 or 3 with the program that made it",
            4,
            null);
      }
      final long backingOffset = b.getLong(8);
      final int backingLength = b.getInt(16);
      h.clusterBits = b.getInt(20);
      if (h.clusterBits < 9 || h.clusterBits > 21) {
        throw corrupt(
            "has clusters of 2^" + Integer.toUnsignedString(h.clusterBits) + " bytes", 20);
      }
      h.size = b.getLong(24);
      h.cryptMethod = b.getInt(32);
      h.l1Size = b.getInt(36);
      h.l1Offset = b.getLong(40);
      h.refcountTableOffset = b.getLong(48);
      h.refcountTableClusters = b.getInt(56);
      h.snapshotCount = b.getInt(60);
      h.snapshotsOffset = b.getLong(64);
      h.headerLength = V2_LENGTH;
      if (h.version == 3) {
        readVersion3(b, fileSize);
      }
      check();
      readExtensions(fileSize, backingOffset);
      readBackingName(backingOffset, backingLength, fileSize);
      refuseUnknownFeatures();
      return h;
    }

    private void readVersion3(ByteBuffer b, long fileSize) throws IOException {
      if (b.limit() < V3_LENGTH) {
        throw truncated("is cut short inside the qcow2 header", fileSize);
      }
      h.incompatible = b.getLong(72);
      h.compatible = b.getLong(80);
      h.autoclear = b.getLong(88);
      h.refcountOrder = b.getInt(96);
      h.headerLength = b.getInt(100);
      if (h.headerLength < V3_LENGTH || h.headerLength > h.clusterSize()) {
        throw corrupt(
            "has a header of " + Integer.toUnsignedString(h.headerLength) + " bytes", 100);
      }
      if (h.headerLength % 8 != 0) {
        throw corrupt("has a header whose length is not a multiple of 8", 100);
      }
      if (h.headerLength > fileSize) {
        throw truncated("is cut short inside the qcow2 header", fileSize);
      }
      if (h.headerLength > V3_LENGTH) {
        ByteBuffer rest = ByteBuffer.allocate(h.headerLength - V3_LENGTH);
        file.read(V3_LENGTH, rest);
        h.compressionType = rest.get(0) & 0xff;
        h.furtherFields = new byte[rest.capacity() - 1];
        rest.get(1, h.furtherFields);
      }
    }

    private void check() throws ImageException {
      if (h.refcountOrder < 0 || h.refcountOrder > 6) {
        throw corrupt("has a refcount order above 6", 96);
      }
      if (h.cryptMethod < 0 || h.cryptMethod > CRYPT_LUKS) {
        throw new ImageException(
            Kind.UNSUPPORTED,
            file.name(),
            "is encrypted in an unknown way",
            "convert it with the program that made it",
            32,
            null);
      }
      if (h.size < 0) {
        throw corrupt("says that its disk is larger than 8 EiB", 24);
      }
      if (h.l1Size < 0 || h.l1Size * 8L > MAX_L1_BYTES) {
        throw corrupt("has an L1 table of more than 32 MiB", 36);
      }
      if (h.extendedL2() && h.clusterBits < 14) {
        throw corrupt("has subclusters although its clusters are smaller than 16 KiB", 20);
      }
      if (Math.ceilDiv(h.size, h.bytesPerL1Entry()) > h.l1Size) {
        throw corrupt("has an L1 table that is too small for its disk", 36);
      }
      checkOffset(h.l1Offset, h.l1Size > 0, "an L1 table", 40);
      checkOffset(h.refcountTableOffset, true, "a refcount table", 48);
      if (h.refcountTableClusters <= 0) {
        throw corrupt("has no refcount table", 56);
      }
      if (h.refcountTableClusters > MAX_REFCOUNT_TABLE_BYTES >> Math.min(h.clusterBits, 23)) {
        throw corrupt("has a refcount table of more than 8 MiB", 56);
      }
      if (h.snapshotCount < 0 || h.snapshotCount > MAX_SNAPSHOTS) {
        throw corrupt("says that it has more than 65536 snapshots", 60);
      }
      checkOffset(h.snapshotsOffset, h.snapshotCount > 0, "a snapshot table", 64);
      if (h.compressionType != 0 != ((h.incompatible & INCOMPAT_COMPRESSION) != 0)) {
        throw corrupt("has a compression type that its feature bit contradicts", 104);
      }
      if (h.compressionType > COMPRESSION_ZSTD) {
        throw new ImageException(
            Kind.UNSUPPORTED,
            file.name(),
            "is compressed in an unknown way (type " + h.compressionType + ")",
            "convert it with the program that made it",
            104,
            null);
      }
    }

    private void checkOffset(long offset, boolean used, String what, int field)
        throws ImageException {
      if (used && (offset <= 0 || offset >= MAX_OFFSET || (offset & (h.clusterSize() - 1L)) != 0)) {
        throw corrupt("has " + what + " at an impossible place", field);
      }
    }

    private void readExtensions(long fileSize, long backingOffset) throws IOException {
      long end = backingOffset > 0 ? backingOffset : h.clusterSize();
      end = Math.min(Math.min(end, h.clusterSize()), fileSize);
      long at = h.headerLength;
      ByteBuffer head = ByteBuffer.allocate(8);
      while (at + 8 <= end) {
        file.read(at, head.clear());
        int type = head.getInt(0);
        long length = Integer.toUnsignedLong(head.getInt(4));
        if (type == EXT_END) {
          return;
        }
        if (length > end - at - 8) {
          throw corrupt("has a header extension that is longer than the header", at);
        }
        ByteBuffer data = ByteBuffer.allocate((int) length);
        file.read(at + 8, data);
        h.extensions.add(new Extension(type, data.array()));
        at += 8 + Math.ceilDiv(length, 8) * 8;
      }
    }

    private void readBackingName(long offset, int length, long fileSize) throws IOException {
      if (offset == 0) {
        return;
      }
      if (length < 0
          || length > MAX_BACKING_NAME
          || offset < 0
          || offset > h.clusterSize() - (long) length) {
        throw corrupt("has the name of its backing file at an impossible place", 8);
      }
      if (offset + length > fileSize) {
        throw truncated("is cut short inside the qcow2 header", fileSize);
      }
      if (length > 0) {
        ByteBuffer name = ByteBuffer.allocate(length);
        file.read(offset, name);
        h.backingName = new String(name.array(), StandardCharsets.UTF_8);
      }
    }

    private void refuseUnknownFeatures() throws ImageException {
      long unknown = h.incompatible & ~INCOMPAT_KNOWN;
      if (unknown == 0) {
        return;
      }
      StringBuilder names = new StringBuilder();
      byte[] table = h.extension(EXT_FEATURE_NAMES);
      for (int bit = 0; bit < 64; bit++) {
        if ((unknown >>> bit & 1) != 0) {
          names.append(names.isEmpty() ? "" : ", ").append(featureName(table, bit));
        }
      }
      throw new ImageException(
          Kind.UNSUPPORTED,
          file.name(),
          "needs features that this program does not know: " + names,
          "convert it with a newer qemu-img",
          72,
          null);
    }

    private static String featureName(byte @Nullable [] table, int bit) {
      for (int i = 0; table != null && i + 48 <= table.length; i += 48) {
        if (table[i] == 0 && table[i + 1] == bit) {
          return new String(table, i + 2, 46, StandardCharsets.UTF_8).replace("\0", "").strip();
        }
      }
      return "incompatible feature bit " + bit;
    }

    private ImageException corrupt(String problem, long offset) {
      return new ImageException(
          Kind.CORRUPT, file.name(), problem, "download or copy it again", offset, null);
    }

    private ImageException truncated(String problem, long offset) {
      return new ImageException(
          Kind.TRUNCATED, file.name(), problem, "download or copy it again", offset, null);
    }
  }
}
