package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The master file table of NTFS: records, their attributes, and what the attributes hold. The
 * layout is that of the Linux-NTFS project's documentation.
 */
final class NtfsTable {
  static final int ATTRIBUTE_LIST = 0x20;
  static final int VOLUME_NAME = 0x60;
  static final int VOLUME_INFORMATION = 0x70;
  static final int DATA = 0x80;
  static final int INDEX_ROOT = 0x90;
  static final int INDEX_ALLOCATION = 0xa0;
  static final int BITMAP = 0xb0;
  static final int REPARSE_POINT = 0xc0;

  private static final int FILE_SIGNATURE = 0x454c4946;
  private static final int RECORD_IN_USE = 1;
  private static final int FLAG_COMPRESSED = 1;
  private static final int FLAG_ENCRYPTED = 0x4000;
  private static final int MAX_ATTRIBUTES = 1 << 16;
  private static final int MAX_LIST = 1 << 20;
  private static final int SECTOR = 512;

  final Region region;
  final int clusterBytes;
  final long clusters;
  final int recordBytes;
  private final RunContent table;

  /**
   * An attribute, or a piece of one whose runs fill several records.
   *
   * @param at where it begins in the record
   */
  record Attribute(ByteBuffer record, int at, int type, String name) {
    boolean resident() {
      return record.get(at + 8) == 0;
    }

    int flags() {
      return record.getShort(at + 12) & 0xffff;
    }

    int length() {
      return record.getInt(at + 4);
    }

    long firstCluster() {
      return resident() ? 0 : record.getLong(at + 16);
    }
  }

  private NtfsTable(Region region, ByteBuffer boot) throws IOException {
    this.region = region;
    int sector = boot.getShort(11) & 0xffff;
    // Up to 128 sectors a cluster is a count, more is a power of two.
    int perCluster = boot.get(13) & 0xff;
    clusterBytes = perCluster <= 0x80 ? sector * perCluster : sector << 256 - perCluster;
    clusters = boot.getLong(40) / (clusterBytes / sector);
    int record = boot.get(64);
    recordBytes = record > 0 ? record * clusterBytes : 1 << -record;
    long place = boot.getLong(48);
    if (place < 1 || place >= clusters || recordBytes < SECTOR || recordBytes > 1 << 16) {
      throw region.broken("has its master file table outside itself", 48);
    }
    // The first record tells where the others lie, and it may itself need a list that lies there.
    RunContent first = new RunContent(region, Math.max(recordBytes, clusterBytes));
    first.add(0, place * clusterBytes, first.size());
    ByteBuffer self = record(first, 0);
    List<Attribute> pieces = new ArrayList<>();
    collect(self, DATA, "", pieces);
    RunContent known = content(pieces);
    for (Attribute list : attributesIn(self)) {
      if (list.type() == ATTRIBUTE_LIST) {
        pieces = pieces(known, 0, self, list, DATA, "");
        known = content(pieces);
        break;
      }
    }
    table = known;
  }

  /** The table of the volume that begins at {@code start}, or null when it is none. */
  static @Nullable NtfsTable probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer boot = Volume.read(disk, start, SECTOR);
    byte[] name = new byte[8];
    boot.get(3, name);
    int sector = boot.getShort(11) & 0xffff;
    int perCluster = boot.get(13) & 0xff;
    int record = boot.get(64);
    long sectors = boot.getLong(40);
    if (!new String(name, StandardCharsets.ISO_8859_1).equals("NTFS    ")
        || Integer.bitCount(sector) != 1
        || sector < 512
        || sector > 4096
        || Integer.bitCount(perCluster) != 1 && perCluster < 256 - 12
        || record == 0
        || record < -16
        || record > 4
        || sectors <= 0
        || sectors > length / sector) {
      return null;
    }
    return new NtfsTable(new Region(disk, start, length, "NTFS"), boot);
  }

  /** A record, checked and put right. */
  ByteBuffer record(long number) throws IOException {
    return record(table, number);
  }

  private ByteBuffer record(RunContent from, long number) throws IOException {
    if (number < 0 || number >= from.size() / recordBytes) {
      throw region.broken("names file record " + number + ", which there is not");
    }
    ByteBuffer b =
        ByteBuffer.wrap(from.read(number * recordBytes, recordBytes))
            .order(ByteOrder.LITTLE_ENDIAN);
    if (b.getInt(0) != FILE_SIGNATURE || !fixUp(b)) {
      throw region.broken("has a damaged file record " + number);
    }
    return b;
  }

  static boolean inUse(ByteBuffer record) {
    return (record.getShort(22) & RECORD_IN_USE) != 0;
  }

  /** Puts the sectors' last words back, which the update sequence replaced. */
  static boolean fixUp(ByteBuffer b) {
    int at = b.getShort(4) & 0xffff;
    int count = b.getShort(6) & 0xffff;
    if (count < 2 || at + count * 2 > SECTOR || (count - 1) * SECTOR > b.capacity()) {
      return false;
    }
    short check = b.getShort(at);
    for (int i = 1; i < count; i++) {
      if (b.getShort(i * SECTOR - 2) != check) {
        return false;
      }
      b.putShort(i * SECTOR - 2, b.getShort(at + i * 2));
    }
    return true;
  }

  private List<Attribute> attributesIn(ByteBuffer record) throws ImageException {
    List<Attribute> all = new ArrayList<>();
    int at = record.getShort(20) & 0xffff;
    while (at >= 24 && at + 4 <= record.capacity() && record.getInt(at) != -1) {
      int length = at + 24 <= record.capacity() ? record.getInt(at + 4) : 0;
      if (length < 24
          || length > record.capacity() - at
          || record.get(at + 8) != 0 && length < 64) {
        throw region.broken("has a file record whose attributes leave it");
      }
      int nameAt = at + (record.getShort(at + 10) & 0xffff);
      int nameBytes = (record.get(at + 9) & 0xff) * 2;
      if (nameAt + nameBytes > record.capacity()) {
        throw region.broken("has an attribute whose name leaves its record");
      }
      all.add(new Attribute(record, at, record.getInt(at), text(record, nameAt, nameBytes)));
      at += length;
    }
    return all;
  }

  static String text(ByteBuffer from, int at, int bytes) {
    byte[] raw = new byte[bytes];
    from.get(at, raw);
    return new String(raw, StandardCharsets.UTF_16LE);
  }

  private void collect(ByteBuffer record, int type, String name, List<Attribute> into)
      throws ImageException {
    for (Attribute each : attributesIn(record)) {
      if (each.type() == type && each.name().equals(name)) {
        into.add(each);
      }
    }
  }

  /** All pieces of an attribute in the order of their clusters; empty when there is none. */
  private List<Attribute> pieces(long number, ByteBuffer record, int type, String name)
      throws IOException {
    for (Attribute each : attributesIn(record)) {
      if (each.type() == ATTRIBUTE_LIST) {
        return pieces(table, number, record, each, type, name);
      }
    }
    List<Attribute> all = new ArrayList<>();
    collect(record, type, name, all);
    return all;
  }

  private List<Attribute> pieces(
      RunContent from, long number, ByteBuffer record, Attribute list, int type, String name)
      throws IOException {
    FileSystem.Content entries =
        list.resident() ? new MemoryContent(resident(list)) : content(List.of(list));
    if (entries.size() > MAX_LIST) {
      throw region.broken("has a list of attributes of " + entries.size() + " bytes");
    }
    ByteBuffer b = ByteBuffer.wrap(entries.read(0, MAX_LIST)).order(ByteOrder.LITTLE_ENDIAN);
    List<Attribute> all = new ArrayList<>();
    for (int at = 0; at + 26 <= b.capacity(); ) {
      int length = b.getShort(at + 4) & 0xffff;
      int nameAt = at + (b.get(at + 7) & 0xff);
      int nameBytes = (b.get(at + 6) & 0xff) * 2;
      if (length < 24 || length > b.capacity() - at || nameAt + nameBytes > b.capacity()) {
        throw region.broken("has a broken list of attributes");
      }
      if (b.getInt(at) == type && text(b, nameAt, nameBytes).equals(name)) {
        long home = b.getLong(at + 16) & 0xffffffffffffL;
        long first = b.getLong(at + 8);
        ByteBuffer there = home == number ? record : record(from, home);
        for (Attribute each : attributesIn(there)) {
          if (each.type() == type && each.name().equals(name) && each.firstCluster() == first) {
            all.add(each);
          }
        }
        if (all.size() > MAX_ATTRIBUTES) {
          throw region.broken("has a file of more than " + MAX_ATTRIBUTES + " attributes");
        }
      }
      at += length;
    }
    all.sort(Comparator.comparingLong(Attribute::firstCluster));
    return all;
  }

  private byte[] resident(Attribute attribute) throws ImageException {
    ByteBuffer record = attribute.record();
    int length = record.getInt(attribute.at() + 16);
    int offset = record.getShort(attribute.at() + 20) & 0xffff;
    if (length < 0 || offset + (long) length > attribute.length()) {
      throw region.broken("has an attribute that leaves its record");
    }
    byte[] bytes = new byte[length];
    record.get(attribute.at() + offset, bytes);
    return bytes;
  }

  /** An attribute's content, or null when the file has no such attribute. */
  FileSystem.@Nullable Content content(long number, int type, String name) throws IOException {
    ByteBuffer record = record(number);
    List<Attribute> pieces = pieces(number, record, type, name);
    if (pieces.isEmpty()) {
      return null;
    }
    Attribute first = pieces.getFirst();
    if (first.resident()) {
      return new MemoryContent(resident(first));
    }
    if ((first.flags() & FLAG_ENCRYPTED) != 0) {
      throw new ImageException(
          Kind.ENCRYPTED,
          "File record " + number,
          "is encrypted by Windows",
          "start the guest and read it there");
    }
    if ((first.flags() & FLAG_COMPRESSED) != 0) {
      return compressed(pieces);
    }
    return content(pieces);
  }

  /** A small attribute's bytes, or null when there is none. */
  byte @Nullable [] bytes(long number, int type, String name, int most) throws IOException {
    FileSystem.Content content = content(number, type, name);
    return content == null ? null : content.read(0, most);
  }

  /** A run of clusters; start -1 is a hole. */
  private interface RunVisitor {
    void at(long cluster, long start, long length) throws IOException;
  }

  private RunContent content(List<Attribute> pieces) throws IOException {
    if (pieces.isEmpty() || pieces.getFirst().resident()) {
      throw region.broken("has a file without the runs that it must have");
    }
    Attribute first = pieces.getFirst();
    RunContent content =
        new RunContent(region, size(first), first.record().getLong(first.at() + 56));
    forEachRun(
        pieces,
        (cluster, start, length) -> {
          if (start >= 0) {
            content.add(cluster * clusterBytes, start * clusterBytes, length * clusterBytes);
          }
        });
    return content;
  }

  private long size(Attribute first) throws ImageException {
    long size = first.record().getLong(first.at() + 48);
    if (size < 0 || first.firstCluster() != 0 || size > Long.MAX_VALUE / 2) {
      throw region.broken("has a file of an impossible size");
    }
    return size;
  }

  private FileSystem.Content compressed(List<Attribute> pieces) throws IOException {
    Attribute first = pieces.getFirst();
    int unit = first.record().getShort(first.at() + 34) & 0xff;
    if (unit == 0 || unit > 8 || (long) clusterBytes << unit > 1 << 24) {
      throw region.broken("has a compressed file of an unknown unit");
    }
    List<long[]> runs = new ArrayList<>();
    forEachRun(
        pieces,
        (cluster, start, length) -> {
          if (runs.size() >= RunContent.MAX_RUNS) {
            throw region.broken("has a file of more than " + RunContent.MAX_RUNS + " pieces");
          }
          runs.add(new long[] {cluster, start, length});
        });
    return new NtfsCompressedContent(region, size(first), clusterBytes, 1 << unit, runs);
  }

  private void forEachRun(List<Attribute> pieces, RunVisitor visitor) throws IOException {
    for (Attribute piece : pieces) {
      if (piece.resident()) {
        throw region.broken("has a file that is both small and large");
      }
      ByteBuffer record = piece.record();
      int at = piece.at() + (record.getShort(piece.at() + 32) & 0xffff);
      int end = piece.at() + piece.length();
      long cluster = piece.firstCluster();
      long position = 0;
      while (at < end && record.get(at) != 0) {
        int lengthBytes = record.get(at) & 15;
        int offsetBytes = record.get(at) >> 4 & 15;
        if (lengthBytes == 0
            || lengthBytes > 8
            || offsetBytes > 8
            || at + 1 + lengthBytes + offsetBytes > end) {
          throw region.broken("has a file whose runs cannot be read");
        }
        long length = number(record, at + 1, lengthBytes);
        position += number(record, at + 1 + lengthBytes, offsetBytes);
        boolean hole = offsetBytes == 0;
        if (length <= 0
            || length > Long.MAX_VALUE / 4 / clusterBytes
            || cluster < 0
            || cluster > Long.MAX_VALUE / 4 / clusterBytes
            || !hole && (position < 0 || length > clusters || position > clusters - length)) {
          throw region.broken("has a file outside itself");
        }
        visitor.at(cluster, hole ? -1 : position, length);
        cluster += length;
        at += 1 + lengthBytes + offsetBytes;
      }
    }
  }

  private static long number(ByteBuffer b, int at, int bytes) {
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | b.get(at + i) & 0xff;
    }
    int shift = 64 - bytes * 8;
    return bytes == 0 ? 0 : value << shift >> shift;
  }
}
