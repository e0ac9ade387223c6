package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Lays out a new, empty image: header, refcount table, refcount blocks, L1 table. */
final class Qcow2Creator {
  private Qcow2Creator() {}

  static void create(
      Storage file, Qcow2Options options, Qcow2Encryption.@Nullable Request encrypted)
      throws IOException {
    Qcow2Header h = header(file, options);
    int bits = h.clusterBits;
    long l1Bytes = Math.max(1, h.l1Size) * 8L;
    final long l1Clusters = Math.ceilDiv(l1Bytes, 1L << bits);
    final long keyBytes = encrypted == null ? 0 : encrypted.headerBytes();
    final long keyClusters = Math.ceilDiv(keyBytes, 1L << bits);
    int entriesBits = bits + 3 - h.refcountOrder;
    long tableClusters = 1;
    long blocks = 1;
    long used;
    while (true) {
      used = 1 + tableClusters + blocks + l1Clusters + keyClusters;
      long needBlocks = Math.ceilDiv(used, 1L << entriesBits);
      long needTable = Math.ceilDiv(needBlocks * 8, 1L << bits);
      if (needBlocks <= blocks && needTable <= tableClusters) {
        break;
      }
      blocks = Math.max(blocks, needBlocks);
      tableClusters = Math.max(tableClusters, needTable);
    }
    h.refcountTableOffset = 1L << bits;
    h.refcountTableClusters = (int) tableClusters;
    final long firstBlock = 1 + tableClusters;
    h.l1Offset = firstBlock + blocks << bits;
    for (long i = 0; i < blocks; i++) {
      ByteBuffer block = ByteBuffer.allocate(1 << bits);
      long counted = Math.min(used - (i << entriesBits), 1L << entriesBits);
      for (int j = 0; j < counted; j++) {
        Refcounts.put(block, j, h.refcountOrder, 1);
      }
      file.write(firstBlock + i << bits, block);
    }
    long[] table = new long[(int) (tableClusters << bits - 3)];
    for (int i = 0; i < blocks; i++) {
      table[i] = firstBlock + i << bits;
    }
    file.write(h.refcountTableOffset, Qcow2Image.encode(table, 0, table.length));
    file.setSize(used << bits);
    if (encrypted != null) {
      encrypted.write(file, h, used - keyClusters << bits);
    }
    file.flush();
    h.write(file);
    file.flush();
  }

  private static Qcow2Header header(Storage file, Qcow2Options options) throws ImageException {
    Qcow2Header h = new Qcow2Header();
    h.version = options.version();
    h.clusterBits = options.clusterBits();
    h.size = Math.ceilDiv(options.size(), 512) * 512;
    h.refcountOrder = options.refcountOrder();
    String problem = null;
    if (h.version < 2 || h.version > 3) {
      problem = "cannot be made in version " + h.version;
    } else if (h.clusterBits < 9 || h.clusterBits > 21) {
      problem = "cannot have clusters that are not a power of two from 512 bytes to 2 MiB";
    } else if (h.refcountOrder < 0 || h.refcountOrder > 6) {
      problem = "cannot have reference counts that are not a power of two up to 64 bits";
    } else if (h.version == 2
        && (h.refcountOrder != 4
            || options.lazyRefcounts()
            || options.zstd()
            || options.extendedL2()
            || options.dataFile() != null)) {
      problem = "cannot have the features of version 3 in version 2";
    } else if (options.extendedL2() && h.clusterBits < 14) {
      problem = "cannot have subclusters in clusters smaller than 16 KiB";
    } else if (options.dataFileRaw() && options.backingName() != null) {
      problem = "cannot have a backing file when its data file is to be raw";
    } else if (options.dataFileRaw() && options.dataFile() == null) {
      problem = "cannot have a raw data file without naming one";
    }
    if (options.size() < 0) {
      problem = "cannot have a negative size";
    }
    if (problem != null) {
      throw new ImageException(Kind.INVALID_REQUEST, file.name(), problem, "choose other options");
    }
    if (h.version >= 3) {
      features(h, options);
    }
    h.backingName = options.backingName();
    String format = options.backingFormat();
    if (format != null && h.backingName != null) {
      h.setExtension(Qcow2Header.EXT_BACKING_FORMAT, format);
    }
    long entries = Math.ceilDiv(h.size, h.bytesPerL1Entry());
    if (entries * 8 > Qcow2Header.MAX_L1_BYTES) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          file.name(),
          "cannot hold a disk of " + h.size + " bytes with these clusters",
          "choose larger clusters");
    }
    h.l1Size = (int) entries;
    return h;
  }

  private static void features(Qcow2Header h, Qcow2Options options) {
    h.headerLength = Qcow2Header.V3_LENGTH + 8;
    h.furtherFields = new byte[7];
    if (options.lazyRefcounts()) {
      h.compatible |= Qcow2Header.COMPAT_LAZY_REFCOUNTS;
    }
    if (options.zstd()) {
      h.incompatible |= Qcow2Header.INCOMPAT_COMPRESSION;
      h.compressionType = Qcow2Header.COMPRESSION_ZSTD;
    }
    if (options.extendedL2()) {
      h.incompatible |= Qcow2Header.INCOMPAT_EXTENDED_L2;
    }
    h.setExtension(Qcow2Header.EXT_FEATURE_NAMES, Qcow2Header.featureNames());
    String dataFile = options.dataFile();
    if (dataFile != null) {
      h.incompatible |= Qcow2Header.INCOMPAT_DATA_FILE;
      h.setExtension(Qcow2Header.EXT_DATA_FILE, dataFile);
      if (options.dataFileRaw()) {
        h.autoclear |= Qcow2Header.AUTOCLEAR_DATA_FILE_RAW;
      }
    }
  }
}
