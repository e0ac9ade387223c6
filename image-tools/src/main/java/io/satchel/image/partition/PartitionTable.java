package io.satchel.image.partition;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.FixedText;
import io.satchel.image.file.Guid;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * How a disk is divided.
 *
 * @param scheme which kind of table
 * @param bootCode the first sector holds a program
 */
public record PartitionTable(Scheme scheme, boolean bootCode, List<Partition> partitions) {
  /** The kind of a table. */
  public enum Scheme {
    /** The disk is not divided. */
    NONE,
    MBR,
    GPT
  }

  /**
   * A piece of the disk.
   *
   * @param number as operating systems count it, from 1; logical drives from 5
   * @param start its first byte
   * @param length its bytes
   * @param type the MBR type in hexadecimal, or the GPT type
   * @param active the BIOS starts from it
   */
  public record Partition(
      int number, long start, long length, String type, String name, boolean active) {}

  private static final int SECTOR = 512;
  private static final int ENTRIES_AT = 446;
  private static final int MAX_LOGICAL = 128;
  private static final int MAX_GPT_ENTRIES = 1024;

  public PartitionTable {
    partitions = List.copyOf(partitions);
  }

  /** Reads the table of a disk. Entries that leave the disk are left out. */
  public static PartitionTable read(BlockDevice disk) throws IOException {
    if (disk.size() < 2 * SECTOR) {
      return new PartitionTable(Scheme.NONE, false, List.of());
    }
    ByteBuffer mbr = sector(disk, 0);
    boolean signed = (mbr.getShort(510) & 0xffff) == 0xaa55;
    boolean code = signed && mbr.get(0) != 0;
    if (!signed || looksLikeVolume(mbr)) {
      return new PartitionTable(Scheme.NONE, code, List.of());
    }
    List<Partition> gpt = gpt(disk);
    if (!gpt.isEmpty()) {
      return new PartitionTable(Scheme.GPT, code, gpt);
    }
    List<Partition> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int at = ENTRIES_AT + i * 16;
      int type = mbr.get(at + 4) & 0xff;
      int flag = mbr.get(at) & 0xff;
      if (flag != 0 && flag != 0x80) {
        // Not a table: some program's boot sector.
        return new PartitionTable(Scheme.NONE, code, List.of());
      }
      add(
          disk,
          all,
          i + 1,
          mbr.getInt(at + 8) & 0xffffffffL,
          mbr.getInt(at + 12) & 0xffffffffL,
          type,
          flag == 0x80);
    }
    for (Partition p : List.copyOf(all)) {
      if (isExtended(Integer.parseInt(p.type(), 16))) {
        logical(disk, p, all);
      }
    }
    return new PartitionTable(all.isEmpty() ? Scheme.NONE : Scheme.MBR, code, all);
  }

  private static boolean looksLikeVolume(ByteBuffer boot) {
    byte[] name = new byte[8];
    boot.get(3, name);
    if (new String(name, StandardCharsets.ISO_8859_1).equals("NTFS    ")) {
      return true;
    }
    int bytes = boot.getShort(11) & 0xffff;
    int cluster = boot.get(13) & 0xff;
    int media = boot.get(21) & 0xff;
    int jump = boot.get(0) & 0xff;
    return (jump == 0xeb || jump == 0xe9)
        && (bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096)
        && Integer.bitCount(cluster) == 1
        && media >= 0xf0;
  }

  private static boolean isExtended(int type) {
    return type == 0x05 || type == 0x0f || type == 0x85;
  }

  private static void add(
      BlockDevice disk,
      List<Partition> all,
      int number,
      long first,
      long sectors,
      int type,
      boolean active) {
    long start = first * SECTOR;
    if (type != 0 && sectors > 0 && start > 0 && start < disk.size()) {
      long length = Math.min(sectors * SECTOR, disk.size() - start);
      all.add(new Partition(number, start, length, String.format("%02x", type), "", active));
    }
  }

  private static void logical(BlockDevice disk, Partition extended, List<Partition> all)
      throws IOException {
    long base = extended.start() / SECTOR;
    long at = base;
    int number = 5;
    for (int i = 0; i < MAX_LOGICAL && at * SECTOR + SECTOR <= disk.size(); i++) {
      ByteBuffer ebr = sector(disk, at * SECTOR);
      if ((ebr.getShort(510) & 0xffff) != 0xaa55) {
        return;
      }
      int type = ebr.get(ENTRIES_AT + 4) & 0xff;
      long first = at + (ebr.getInt(ENTRIES_AT + 8) & 0xffffffffL);
      int before = all.size();
      add(disk, all, number, first, ebr.getInt(ENTRIES_AT + 12) & 0xffffffffL, type, false);
      number += all.size() - before;
      int next = ENTRIES_AT + 16;
      long offset = ebr.getInt(next + 8) & 0xffffffffL;
      if (!isExtended(ebr.get(next + 4) & 0xff) || offset == 0 || base + offset <= at) {
        return;
      }
      at = base + offset;
    }
  }

  private static List<Partition> gpt(BlockDevice disk) throws IOException {
    List<Partition> all = new ArrayList<>();
    ByteBuffer header = sector(disk, SECTOR);
    if (header.getLong(0) != 0x5452415020494645L) {
      return all;
    }
    long table = header.getLong(72);
    int count = header.getInt(80);
    int size = header.getInt(84);
    if (table < 2
        || count < 0
        || count > MAX_GPT_ENTRIES
        || size < 128
        || size > 4096
        || table > (disk.size() - (long) count * size) / SECTOR) {
      return all;
    }
    ByteBuffer entries = ByteBuffer.allocate(count * size).order(ByteOrder.LITTLE_ENDIAN);
    disk.read(table * SECTOR, entries);
    for (int i = 0; i < count; i++) {
      int at = i * size;
      long first = entries.getLong(at + 32);
      long last = entries.getLong(at + 40);
      UUID type = Guid.get(entries, at);
      if (type.equals(new UUID(0, 0))
          || first <= 0
          || last < first
          || last >= disk.size() / SECTOR) {
        continue;
      }
      String text = FixedText.get(entries, at + 56, 72, StandardCharsets.UTF_16LE);
      all.add(
          new Partition(
              i + 1,
              first * SECTOR,
              (last - first + 1) * SECTOR,
              type.toString(),
              text,
              (entries.getLong(at + 48) & 4) != 0));
    }
    return all;
  }

  private static ByteBuffer sector(BlockDevice disk, long offset) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    disk.read(offset, b);
    return b;
  }
}
