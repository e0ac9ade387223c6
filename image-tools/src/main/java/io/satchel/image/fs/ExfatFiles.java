package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files of exFAT: sets of a file entry, a stream entry and entries with the name. */
final class ExfatFiles extends Tree<ExfatFiles.Node> {
  private static final int ENTRY = 32;
  private static final int ENTRY_FILE = 0x85;
  private static final int ENTRY_STREAM = 0xc0;
  private static final int ENTRY_NAME = 0xc1;
  private static final int ATTRIBUTE_DIRECTORY = 0x10;
  private static final int NO_CHAIN = 2;
  private static final int CHARS_A_PIECE = 15;
  private static final long MAX_DIRECTORY = 64 << 20;

  private final ExfatVolume volume;

  /** A file; {@code valid} bytes of it have been written, the rest reads as zeros. */
  record Node(
      int cluster, boolean contiguous, long size, long valid, boolean directory, int stamp) {}

  private ExfatFiles(ExfatVolume volume) {
    this.volume = volume;
  }

  static @Nullable FileSystem probe(BlockDevice disk, long start, long length) throws IOException {
    ExfatVolume volume = ExfatVolume.probe(disk, start, length);
    return volume == null ? null : new ExfatFiles(volume);
  }

  @Override
  public String kind() {
    return "exFAT";
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
    return new Node(volume.rootCluster, false, -1, -1, true, 0);
  }

  @Override
  Entry entry(String name, Node node) {
    return new Entry(
        name,
        node.directory ? Type.DIRECTORY : Type.FILE,
        Math.max(0, node.size),
        FatFiles.time(node.stamp >>> 16, node.stamp & 0xffff),
        null,
        -1);
  }

  @Override
  Content content(Node file) throws IOException {
    if (file.size == 0) {
      return new MemoryContent(new byte[0]);
    }
    return volume.chain(file.cluster, file.size, file.contiguous).withWritten(file.valid);
  }

  @Override
  List<Child<Node>> children(Node directory) throws IOException {
    if (directory.size == 0) {
      return List.of();
    }
    RunContent content = volume.chain(directory.cluster, directory.size, directory.contiguous);
    if (content.size() > MAX_DIRECTORY) {
      throw volume.region.broken("has a directory of " + content.size() + " bytes");
    }
    ByteBuffer b =
        ByteBuffer.wrap(content.read(0, (int) content.size())).order(ByteOrder.LITTLE_ENDIAN);
    List<Child<Node>> all = new ArrayList<>();
    for (int at = 0; at + ENTRY <= b.capacity() && b.get(at) != 0; at += ENTRY) {
      if ((b.get(at) & 0xff) != ENTRY_FILE) {
        continue;
      }
      int more = b.get(at + 1) & 0xff;
      int stream = at + ENTRY;
      if (at + (more + 1) * ENTRY > b.capacity()
          || more < 2
          || (b.get(stream) & 0xff) != ENTRY_STREAM) {
        throw volume.region.broken("has a broken directory");
      }
      int length = b.get(stream + 3) & 0xff;
      StringBuilder name = new StringBuilder();
      for (int i = 2; i <= more && name.length() < length; i++) {
        int piece = at + i * ENTRY;
        if ((b.get(piece) & 0xff) == ENTRY_NAME) {
          int n = Math.min(CHARS_A_PIECE, length - name.length());
          name.append(NtfsTable.text(b, piece + 2, n * 2));
        }
      }
      long size = b.getLong(stream + 24);
      if (size < 0) {
        throw volume.region.broken("has a file of an impossible size");
      }
      all.add(
          new Child<>(
              name.toString(),
              new Node(
                  b.getInt(stream + 20),
                  (b.get(stream + 1) & NO_CHAIN) != 0,
                  size,
                  b.getLong(stream + 8),
                  (b.getShort(at + 4) & ATTRIBUTE_DIRECTORY) != 0,
                  b.getInt(at + 12)),
              false));
      at += more * ENTRY;
    }
    return all;
  }
}
