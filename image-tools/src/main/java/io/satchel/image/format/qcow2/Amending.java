package io.satchel.image.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Changes of what an image is rather than of what its disk holds: its version, its features, and
 * what its header names. Holds nothing of its own.
 */
public final class Amending {
  private final Qcow2Device device;
  private final Qcow2Image image;

  Amending(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  /** A change of header fields. */
  private interface HeaderChange {
    void on(Qcow2Header header);
  }

  private void change(HeaderChange change) throws IOException {
    device.change(
        () -> {
          device.settle();
          change.on(image.header);
          writeHeader();
        });
  }

  private void writeHeader() throws IOException {
    image.header.write(image.file);
    image.wrote();
    image.sync();
  }

  /**
   * Names another backing file; the disk's content changes with it unless the caller sees to it.
   */
  public void setBacking(@Nullable String name, @Nullable String format) throws IOException {
    device.change(
        () -> {
          device.settle();
          final String oldName = image.header.backingName;
          final byte[] oldFormat = image.header.extension(Qcow2Header.EXT_BACKING_FORMAT);
          image.header.backingName = name;
          image.header.setExtension(
              Qcow2Header.EXT_BACKING_FORMAT,
              format == null || name == null ? null : format.getBytes(StandardCharsets.UTF_8));
          try {
            image.header.write(image.file);
            image.wrote();
          } catch (IOException e) {
            image.header.backingName = oldName;
            image.header.setExtension(Qcow2Header.EXT_BACKING_FORMAT, oldFormat);
            throw e;
          }
          image.sync();
        });
  }

  /** Makes a version 2 image one of version 3. */
  public void upgrade() throws IOException {
    change(
        h -> {
          if (h.version == 2) {
            h.version = 3;
            h.headerLength = Qcow2Header.V3_LENGTH + 8;
            h.furtherFields = new byte[7];
            h.setExtension(Qcow2Header.EXT_FEATURE_NAMES, Qcow2Header.featureNames());
          }
        });
  }

  /** Asks for reference counts that are repaired after a crash rather than kept up to date. */
  public void setLazyRefcounts(boolean on) throws IOException {
    if (image.header.version < 3 && on) {
      throw image.impossible("is of version 2, which has no lazy refcounts");
    }
    change(
        h -> {
          h.compatible &= ~Qcow2Header.COMPAT_LAZY_REFCOUNTS;
          h.compatible |= on ? Qcow2Header.COMPAT_LAZY_REFCOUNTS : 0;
        });
  }

  /** Changes how wide a reference count is. All counts are written anew beside the old ones. */
  public void setRefcountBits(long bits) throws IOException {
    if (Long.bitCount(bits) != 1 || bits > 64) {
      throw image.impossible("cannot have reference counts of " + bits + " bits");
    }
    if (image.header.version < 3 && bits != 16) {
      throw image.impossible("is of version 2, which has reference counts of 16 bits");
    }
    device.reshape(
        () -> {
          device.settleReleased();
          image.refcounts.changeOrder(Long.numberOfTrailingZeros(bits));
        });
  }

  /** Makes an image one of version 2, where nothing in it needs version 3. */
  public void downgrade() throws IOException {
    Qcow2Header header = image.header;
    if (header.version == 2) {
      return;
    }
    if ((header.incompatible & ~Qcow2Header.INCOMPAT_DIRTY) != 0) {
      throw image.impossible("uses features that version 2 does not have");
    }
    if (header.refcountOrder != 4) {
      throw image.impossible(
          "has reference counts that are not 16 bits wide, as version 2 wants them");
    }
    if (header.extension(Qcow2Header.EXT_BITMAPS) != null) {
      throw image.impossible("has bitmaps, which version 2 does not have");
    }
    device.reshape(
        () -> {
          writeOutZeroFlags();
          device.settle();
          header.version = 2;
          header.compatible = 0;
          header.autoclear = 0;
          header.headerLength = Qcow2Header.V2_LENGTH;
          header.furtherFields = new byte[0];
          header.setExtension(Qcow2Header.EXT_FEATURE_NAMES, (byte[]) null);
          writeHeader();
        });
  }

  /** Version 2 has no zero flag: what has one becomes stored zeros, or nothing. */
  private void writeOutZeroFlags() throws IOException {
    for (Snapshot snapshot : image.snapshots) {
      for (long entry :
          image.readTable(snapshot.l1Offset(), snapshot.l1Size(), "a snapshot's L1 table")) {
        long table = image.checkedL2Table(entry, snapshot.l1Offset());
        for (int i = 0; table != 0 && i < 1 << image.l2Bits; i++) {
          long e = image.l2Entry(table, i);
          if ((e & (Qcow2Image.COMPRESSED | Qcow2Image.ZERO)) == Qcow2Image.ZERO) {
            throw image.impossible(
                "has a snapshot with zero clusters, which version 2 does not have");
          }
        }
      }
    }
    for (int l1Index = 0; l1Index < image.l1.length; l1Index++) {
      long old = image.l2Table(l1Index);
      for (int i = 0; old != 0 && i < 1 << image.l2Bits; i++) {
        long table = image.writableL2Table(l1Index);
        long entry = image.l2Entry(table, i);
        if ((entry & (Qcow2Image.COMPRESSED | Qcow2Image.ZERO)) != Qcow2Image.ZERO) {
          continue;
        }
        long guest = (((long) l1Index << image.l2Bits) + i) << image.clusterBits;
        if (guest >= device.size() || !device.hasBacking()) {
          image.setL2(table, i, 0, 0);
          image.releaseEntry(entry);
        } else {
          int n = (int) Math.min(image.clusterSize, device.size() - guest);
          device.writeUnchecked(guest, ByteBuffer.allocate(n));
        }
      }
    }
  }
}
