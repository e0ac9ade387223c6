package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files of NTFS. A name that only DOS programs see is left out. */
final class NtfsFiles extends Tree<NtfsFiles.Node> {
  private static final long ROOT = 5;
  private static final long FIRST_USER_RECORD = 16;
  private static final int DIRECTORY = 0x10000000;
  private static final int REPARSE = 0x400;
  private static final int NAMESPACE_DOS = 2;
  private static final int TAG_SYMLINK = 0xa000000c;
  private static final int TAG_MOUNT_POINT = 0xa0000003;
  private static final int TAG_WOF = 0x80000017;
  private static final int MAX_REPARSE = 16_384;
  private static final int INDEX_SIGNATURE = 0x58444e49;

  /** From 1601, in units of 100 ns, to 1970. */
  private static final long EPOCH = 116_444_736_000_000_000L;

  private final NtfsTable table;

  /** A file as its directory tells of it. */
  record Node(long record, int flags, int tag, long size, long modified) {}

  private NtfsFiles(NtfsTable table) {
    this.table = table;
  }

  static @Nullable FileSystem probe(BlockDevice disk, long start, long length) throws IOException {
    NtfsTable table = NtfsTable.probe(disk, start, length);
    return table == null ? null : new NtfsFiles(table);
  }

  @Override
  public String kind() {
    return "NTFS";
  }

  @Override
  public String label() throws IOException {
    byte[] name = table.bytes(3, NtfsTable.VOLUME_NAME, "", 256);
    return name == null ? "" : new String(name, StandardCharsets.UTF_16LE);
  }

  @Override
  boolean ignoresCase() {
    return true;
  }

  @Override
  Node root() {
    return new Node(ROOT, DIRECTORY, 0, 0, EPOCH);
  }

  @Override
  Entry entry(String name, Node node) throws IOException {
    String link = link(node);
    boolean directory = (node.flags & DIRECTORY) != 0;
    Type type = link != null ? Type.LINK : directory ? Type.DIRECTORY : Type.FILE;
    long time = node.modified - EPOCH;
    Instant modified =
        Instant.ofEpochSecond(
            Math.floorDiv(time, 10_000_000L), Math.floorMod(time, 10_000_000L) * 100);
    return new Entry(name, type, type == Type.FILE ? node.size : 0, modified, link, -1);
  }

  /** Where a symbolic link or a junction leads, written with slashes, or null. */
  private @Nullable String link(Node node) throws IOException {
    if ((node.flags & REPARSE) == 0 || node.tag != TAG_SYMLINK && node.tag != TAG_MOUNT_POINT) {
      return null;
    }
    byte[] data = table.bytes(node.record, NtfsTable.REPARSE_POINT, "", MAX_REPARSE);
    if (data == null || data.length < 20) {
      return null;
    }
    ByteBuffer b = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    int names = b.getInt(0) == TAG_SYMLINK ? 20 : 16;
    int at = names + (b.getShort(8) & 0xffff);
    int length = b.getShort(10) & 0xffff;
    if (at + length > data.length) {
      throw table.region.broken("has a link whose text leaves it");
    }
    String text = NtfsTable.text(b, at, length).replace('\\', '/');
    // \??\C:\Users is /Users here: a volume's letter is not known outside Windows.
    return text.replaceFirst("^/\\?\\?/", "").replaceFirst("^[A-Za-z]:(?=/)", "");
  }

  @Override
  Content content(Node file) throws IOException {
    if ((file.flags & REPARSE) != 0 && file.tag == TAG_WOF) {
      throw new ImageException(
          Kind.UNSUPPORTED,
          "The file",
          "is packed by Windows in a way that is not known here (CompactOS)",
          "unpack it in the guest with compact /u /exe");
    }
    Content content = table.content(file.record, NtfsTable.DATA, "");
    return content == null ? new MemoryContent(new byte[0]) : content;
  }

  @Override
  List<Child<Node>> children(Node directory) throws IOException {
    List<Child<Node>> all = new ArrayList<>();
    byte[] root = table.bytes(directory.record, NtfsTable.INDEX_ROOT, "$I30", Region.MAX_PIECE);
    if (root == null || root.length < 32) {
      throw table.region.broken("has a directory without an index");
    }
    ByteBuffer b = ByteBuffer.wrap(root).order(ByteOrder.LITTLE_ENDIAN);
    entries(b, 16, all);
    Content blocks = table.content(directory.record, NtfsTable.INDEX_ALLOCATION, "$I30");
    if (blocks == null) {
      return all;
    }
    int size = b.getInt(8);
    if (Integer.bitCount(size) != 1 || size < 512 || size > 1 << 16) {
      throw table.region.broken("has a directory of blocks of " + size + " bytes");
    }
    if (blocks.size() > 1L << 30) {
      throw table.region.broken("has a directory of " + blocks.size() + " bytes");
    }
    byte[] used = table.bytes(directory.record, NtfsTable.BITMAP, "$I30", Region.MAX_PIECE);
    for (int i = 0; i < blocks.size() / size; i++) {
      if (used != null && (i / 8 >= used.length || (used[i / 8] >> i % 8 & 1) == 0)) {
        continue;
      }
      ByteBuffer block =
          ByteBuffer.wrap(blocks.read((long) i * size, size)).order(ByteOrder.LITTLE_ENDIAN);
      if (block.getInt(0) != INDEX_SIGNATURE || !NtfsTable.fixUp(block)) {
        throw table.region.broken("has a directory with a damaged block");
      }
      entries(block, 24, all);
    }
    return all;
  }

  private void entries(ByteBuffer b, int header, List<Child<Node>> all) throws IOException {
    long at = header + (b.getInt(header) & 0xffffffffL);
    long end = Math.min(b.capacity(), header + (b.getInt(header + 4) & 0xffffffffL));
    while (at + 16 <= end) {
      int p = (int) at;
      int length = b.getShort(p + 8) & 0xffff;
      if ((b.getShort(p + 12) & 2) != 0) {
        return;
      }
      int key = p + 16;
      int nameBytes = key + 66 <= end ? (b.get(key + 64) & 0xff) * 2 : Integer.MAX_VALUE / 2;
      if (length < 82 || length > end - at || key + 66 + nameBytes > end) {
        throw table.region.broken("has a broken directory");
      }
      if (b.get(key + 65) != NAMESPACE_DOS) {
        long record = b.getLong(p) & 0xffffffffffffL;
        String name = NtfsTable.text(b, key + 66, nameBytes);
        if (!name.equals(".")) {
          Node node =
              new Node(
                  record,
                  b.getInt(key + 56),
                  b.getInt(key + 60),
                  b.getLong(key + 48),
                  b.getLong(key + 16));
          if (all.size() >= MAX_ENTRIES) {
            throw table.region.broken("has a directory of more than " + MAX_ENTRIES + " names");
          }
          all.add(new Child<>(name, node, record < FIRST_USER_RECORD));
        }
      }
      at += length;
    }
  }
}
