package io.satchel.image.format.dmg;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;

/**
 * Apple's Universal Disk Image Format: a trailer "koly" of 512 bytes, which says where a property
 * list or a resource fork holds tables "mish" of runs, each packed in its own way.
 */
public final class DmgFormat implements ImageFormat {
  static final int KOLY = 0x6b6f6c79;
  private static final int MISH = 0x6d697368;
  private static final int TRAILER = 512;
  private static final int MISH_HEADER = 204;
  private static final int RUN = 40;
  private static final int MAX_LIST = 16 << 20;
  private static final int MAX_RUNS = 1 << 20;
  private static final int SECTOR = 512;

  /** The most that one run may unpack to. */
  private static final int MAX_RUN = 64 << 20;

  @Override
  public String name() {
    return "dmg";
  }

  @Override
  public boolean creatable() {
    return false;
  }

  /** The mark stands at the file's end: see {@link #probeTail}. */
  @Override
  public boolean probe(ByteBuffer head) {
    return false;
  }

  /** Whether a file that ends in these 512 bytes is of this format. */
  public static boolean probeTail(ByteBuffer tail) {
    return tail.limit() >= TRAILER && tail.getInt(0) == KOLY && tail.getInt(8) == TRAILER;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    long end = file.size() - TRAILER;
    ByteBuffer koly = ByteBuffer.allocate(TRAILER);
    if (end >= 0) {
      file.read(end, koly);
    }
    if (end < 0 || koly.getInt(0) != KOLY) {
      throw BlockTableDevice.truncated(file, "the trailer of a dmg", file.size());
    }
    long data = koly.getLong(0x18);
    long size = koly.getLong(0x1ec);
    if (size < 0 || size > 1L << 46 || data < 0 || data > end) {
      throw BlockTableDevice.corrupt(file, "has a trailer with impossible sizes", end);
    }
    List<DmgDevice.Run> runs = new ArrayList<>();
    long fork = koly.getLong(0x30);
    if (fork != 0) {
      for (byte[] table : resources(file, part(file, koly.getLong(0x28), fork, end))) {
        readTable(file, table, data, runs);
      }
    } else {
      ByteBuffer list = part(file, koly.getLong(0xd8), koly.getLong(0xe0), end);
      for (byte[] table : tables(file, new String(list.array(), StandardCharsets.UTF_8))) {
        readTable(file, table, data, runs);
      }
    }
    runs.sort(Comparator.comparingLong(DmgDevice.Run::sector));
    for (int i = 1; i < runs.size(); i++) {
      DmgDevice.Run before = runs.get(i - 1);
      if (before.sector() + before.count() > runs.get(i).sector()) {
        throw BlockTableDevice.corrupt(file, "has two pieces for one place of its disk", end);
      }
    }
    return new DmgDevice(file, size * SECTOR, runs);
  }

  private static ByteBuffer part(Storage file, long offset, long length, long end)
      throws IOException {
    if (length <= 0 || length > MAX_LIST || offset < 0 || offset > end - length) {
      throw BlockTableDevice.corrupt(file, "has its tables at an impossible place", end);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length);
    file.read(offset, bytes);
    return bytes.clear();
  }

  /** The resources of a fork: each with its length in front. */
  private static List<byte[]> resources(Storage file, ByteBuffer fork) throws IOException {
    List<byte[]> all = new ArrayList<>();
    if (fork.limit() < 16) {
      throw BlockTableDevice.corrupt(file, "has a resource fork that is too short", -1);
    }
    long at = fork.getInt(0) & 0xffffffffL;
    long end = at + (fork.getInt(8) & 0xffffffffL);
    if (end > fork.limit()) {
      throw BlockTableDevice.corrupt(file, "has a resource fork that contradicts itself", -1);
    }
    while (at + 4 <= end) {
      long length = fork.getInt((int) at) & 0xffffffffL;
      if (length > end - at - 4) {
        throw BlockTableDevice.corrupt(file, "has a resource fork that contradicts itself", -1);
      }
      byte[] bytes = new byte[(int) length];
      fork.get((int) at + 4, bytes);
      all.add(bytes);
      at += 4 + length;
    }
    return all;
  }

  /** The data elements of a property list; nothing else of it matters. */
  private static List<byte[]> tables(Storage file, String list) throws ImageException {
    List<byte[]> all = new ArrayList<>();
    int at = list.indexOf("<data>");
    while (at >= 0) {
      int end = list.indexOf("</data>", at);
      if (end < 0) {
        break;
      }
      try {
        all.add(Base64.getMimeDecoder().decode(list.substring(at + 6, end)));
      } catch (IllegalArgumentException e) {
        throw BlockTableDevice.corrupt(file, "has a property list that cannot be read", -1);
      }
      at = list.indexOf("<data>", end);
    }
    return all;
  }

  private static void readTable(Storage file, byte[] table, long dataFork, List<DmgDevice.Run> runs)
      throws IOException {
    ByteBuffer b = ByteBuffer.wrap(table);
    if (table.length < MISH_HEADER || b.getInt(0) != MISH) {
      return;
    }
    long first = b.getLong(8);
    long data = b.getLong(24);
    long count = b.getInt(200) & 0xffffffffL;
    if (first < 0
        || first > 1L << 46
        || data < 0
        || data > file.size()
        || count > (table.length - MISH_HEADER) / RUN
        || runs.size() + count > MAX_RUNS) {
      throw BlockTableDevice.corrupt(file, "has a table that contradicts itself", -1);
    }
    for (int i = 0; i < count; i++) {
      int at = MISH_HEADER + i * RUN;
      DmgDevice.Packing packing = DmgDevice.Packing.of(b.getInt(at));
      if (packing == DmgDevice.Packing.NOTHING) {
        continue;
      }
      long sector = b.getLong(at + 8);
      long sectors = b.getLong(at + 16);
      long offset = b.getLong(at + 24);
      long length = b.getLong(at + 32);
      boolean stored = packing != DmgDevice.Packing.ZERO;
      if (sector < 0
          || sector > 1L << 46
          || sectors < 0
          || sectors > (stored ? MAX_RUN / SECTOR : 1L << 46)) {
        throw BlockTableDevice.corrupt(file, "has a piece of an impossible size", -1);
      }
      offset += dataFork + data;
      if (stored
          && (offset < 0 || length < 0 || length > MAX_RUN || offset > file.size() - length)) {
        throw new ImageException(
            Kind.CORRUPT,
            file.name(),
            "has a piece at an impossible place",
            "download or copy it again",
            Math.max(0, offset),
            null);
      }
      if (sectors > 0) {
        runs.add(new DmgDevice.Run(first + sector, sectors, packing, offset, (int) length));
      }
    }
  }
}
