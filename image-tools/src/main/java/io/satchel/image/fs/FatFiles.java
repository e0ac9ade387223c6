package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The files of FAT12, FAT16 and FAT32, with the long names of Windows 95. */
final class FatFiles extends Tree<FatFiles.Node> {
  private static final int ENTRY = 32;
  private static final int ATTRIBUTE_VOLUME = 8;
  private static final int ATTRIBUTE_DIRECTORY = 0x10;
  private static final int ATTRIBUTE_LONG_NAME = 0x0f;
  private static final int DELETED = 0xe5;
  private static final int LAST_LONG = 0x40;
  private static final int CHARS_A_PIECE = 13;
  private static final int LOWER_BASE = 8;
  private static final int LOWER_EXTENSION = 0x10;
  private static final int MAX_DIRECTORY = 1 << 21;

  /** What DOS machines wrote names in, where this Java has it. */
  private static final Charset DOS =
      Charset.isSupported("IBM437") ? Charset.forName("IBM437") : StandardCharsets.ISO_8859_1;

  private final Region region;
  private final FatVolume volume;

  /** A file: its first cluster (-1 for the root), its size and its entry's times. */
  record Node(int cluster, long size, int attributes, int date, int time) {}

  private FatFiles(Region region, FatVolume volume) {
    this.region = region;
    this.volume = volume;
  }

  static @Nullable FileSystem probe(BlockDevice disk, long start, long length) throws IOException {
    return FatVolume.probe(disk, start, length) instanceof FatVolume volume
        ? new FatFiles(new Region(disk, start, length, volume.kind()), volume)
        : null;
  }

  @Override
  public String kind() {
    return volume.kind();
  }

  @Override
  public String label() {
    return volume.label();
  }

  @Override
  boolean ignoresCase() {
    return true;
  }

  @Override
  Node root() {
    return new Node(-1, 0, ATTRIBUTE_DIRECTORY, 0, 0);
  }

  @Override
  Entry entry(String name, Node node) {
    boolean directory = (node.attributes & ATTRIBUTE_DIRECTORY) != 0;
    return new Entry(
        name,
        directory ? Type.DIRECTORY : Type.FILE,
        node.size,
        time(node.date, node.time),
        null,
        -1);
  }

  /** DOS keeps local time; without the guest's zone it is taken for this computer's. */
  static @Nullable Instant time(int date, int time) {
    try {
      return LocalDateTime.of(
              1980 + (date >> 9 & 127),
              date >> 5 & 15,
              date & 31,
              time >> 11 & 31,
              time >> 5 & 63,
              (time & 31) * 2)
          .atZone(ZoneId.systemDefault())
          .toInstant();
    } catch (DateTimeException e) {
      return null;
    }
  }

  @Override
  Content content(Node file) throws IOException {
    if (file.size == 0) {
      return new MemoryContent(new byte[0]);
    }
    return chain(file.cluster, file.size);
  }

  /** The clusters that follow one another from {@code first} on; size -1 takes them all. */
  private RunContent chain(int first, long size) throws IOException {
    long wanted = size < 0 ? volume.clusters : Math.ceilDiv(size, (long) volume.clusterBytes);
    long count = 0;
    BitSet seen = new BitSet();
    List<int[]> all = new ArrayList<>();
    for (long c = first; count < wanted; count++) {
      if (c >= end() && size < 0) {
        break;
      }
      if (c < 2 || c >= volume.clusters + 2L) {
        throw region.broken("has a file that ends before its size");
      }
      if (seen.get((int) c)) {
        throw region.broken("has a file whose clusters run in a circle");
      }
      seen.set((int) c);
      int[] last = all.isEmpty() ? new int[2] : all.getLast();
      if (last[1] > 0 && last[0] + last[1] == c) {
        last[1]++;
      } else {
        all.add(new int[] {(int) c, 1});
      }
      c = volume.entry((int) c);
    }
    RunContent content = new RunContent(region, size < 0 ? count * volume.clusterBytes : size);
    long at = 0;
    for (int[] run : all) {
      long length = (long) run[1] * volume.clusterBytes;
      content.add(at, volume.dataAt + (run[0] - 2L) * volume.clusterBytes, length);
      at += length;
    }
    return content;
  }

  private long end() {
    return switch (volume.bits) {
      case 12 -> 0xff8;
      case 16 -> 0xfff8;
      default -> 0x0ffffff8;
    };
  }

  @Override
  List<Child<Node>> children(Node directory) throws IOException {
    ByteBuffer b;
    if (directory.cluster < 0 && volume.bits != 32) {
      b = region.read(volume.rootAt(), volume.rootBytes());
    } else {
      int first = directory.cluster < 0 ? volume.rootCluster() : directory.cluster;
      if (first == 0) {
        // A subdirectory's way back to the root.
        return children(root());
      }
      RunContent content = chain(first, -1);
      if (content.size() > Math.max(MAX_DIRECTORY, volume.clusterBytes)) {
        throw region.broken("has a directory of " + content.size() + " bytes");
      }
      b = ByteBuffer.wrap(content.read(0, (int) content.size()));
    }
    return children(b.order(ByteOrder.LITTLE_ENDIAN));
  }

  private static List<Child<Node>> children(ByteBuffer b) {
    List<Child<Node>> all = new ArrayList<>();
    char[] longName = new char[20 * CHARS_A_PIECE];
    int pieces = 0;
    int expected = 0;
    int sum = 0;
    for (int at = 0; at + ENTRY <= b.capacity() && b.get(at) != 0; at += ENTRY) {
      int first = b.get(at) & 0xff;
      int attributes = b.get(at + 11);
      if (first == DELETED) {
        pieces = 0;
      } else if ((attributes & 0x3f) == ATTRIBUTE_LONG_NAME) {
        int number = first & 0x1f;
        if ((first & LAST_LONG) != 0 && number >= 1 && number <= 20) {
          pieces = number;
          expected = number;
          sum = b.get(at + 13);
        }
        if (number == 0 || number != expected || b.get(at + 13) != sum) {
          pieces = 0;
          continue;
        }
        expected--;
        for (int i = 0; i < CHARS_A_PIECE; i++) {
          int place = i < 5 ? 1 + i * 2 : i < 11 ? 4 + i * 2 : 6 + i * 2;
          longName[expected * CHARS_A_PIECE + i] = (char) b.getShort(at + place);
        }
      } else {
        if ((attributes & ATTRIBUTE_VOLUME) == 0) {
          boolean named = pieces > 0 && expected == 0 && sum == checksum(b, at);
          String name = named ? until0(longName, pieces * CHARS_A_PIECE) : shortName(b, at);
          if (!name.equals(".") && !name.equals("..")) {
            all.add(new Child<>(name, node(b, at), false));
          }
        }
        pieces = 0;
      }
    }
    return all;
  }

  private static Node node(ByteBuffer b, int at) {
    int cluster = (b.getShort(at + 20) & 0xffff) << 16 | b.getShort(at + 26) & 0xffff;
    return new Node(
        Math.max(0, cluster),
        b.getInt(at + 28) & 0xffffffffL,
        b.get(at + 11),
        b.getShort(at + 24),
        b.getShort(at + 22));
  }

  private static String until0(char[] chars, int length) {
    int end = 0;
    while (end < length && chars[end] != 0) {
      end++;
    }
    return new String(chars, 0, end);
  }

  private static byte checksum(ByteBuffer b, int at) {
    int sum = 0;
    for (int i = 0; i < 11; i++) {
      sum = ((sum & 1) << 7 | (sum & 0xff) >> 1) + b.get(at + i) & 0xff;
    }
    return (byte) sum;
  }

  private static String shortName(ByteBuffer b, int at) {
    byte[] raw = new byte[11];
    b.get(at, raw);
    if (raw[0] == 5) {
      raw[0] = (byte) DELETED;
    }
    String base = new String(raw, 0, 8, DOS).stripTrailing();
    String extension = new String(raw, 8, 3, DOS).stripTrailing();
    int lower = b.get(at + 12);
    base = (lower & LOWER_BASE) != 0 ? base.toLowerCase(Locale.ROOT) : base;
    extension = (lower & LOWER_EXTENSION) != 0 ? extension.toLowerCase(Locale.ROOT) : extension;
    return extension.isEmpty() ? base : base + "." + extension;
  }
}
