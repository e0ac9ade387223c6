package io.satchel.image.inspect;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.FixedText;
import io.satchel.image.fs.Volume;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Systems whose file systems are not read here, by their partitions and superblocks. */
final class BootRecordFinder {
  private static final int BFS_MAGIC = 0x42465331;
  private static final int UFS1_MAGIC = 0x011954;
  private static final int UFS2_MAGIC = 0x19540119;
  private static final int UFS_MAGIC_AT = 1372;
  private static final int DISKLABEL_MAGIC = 0x82564557;

  /** By MBR type, or by GPT type. */
  private static final Map<String, String> BSD =
      Map.of(
          "a5", "FreeBSD",
          "a6", "OpenBSD",
          "a9", "NetBSD",
          "516e7cb6-6ecf-11d6-8ff8-00022d09712b", "FreeBSD",
          "516e7cba-6ecf-11d6-8ff8-00022d09712b", "FreeBSD",
          "824cc7a0-36a8-11e3-890a-952519ad3f61", "OpenBSD",
          "49f48d5a-b10e-11dc-b99b-0019d1879648", "NetBSD");

  private static final String HAIKU_TYPE = "42465331-3ba3-10f1-802a-4861696b7521";

  private BootRecordFinder() {}

  /** What was recognised: the system, and the file system with its name. */
  record Found(OperatingSystem system, String kind, String label) {}

  static @Nullable Found find(BlockDevice disk, Partition place) throws IOException {
    if (place.length() < 128 << 10) {
      return null;
    }
    ByteBuffer b = Volume.read(disk, place.start() + 512, 64);
    if (b.getInt(32) == BFS_MAGIC) {
      String label = FixedText.get(b, 0, 32, StandardCharsets.UTF_8);
      return new Found(system("Haiku", "haiku", place), "BFS", label);
    }
    String bsd = BSD.get(place.type());
    if (bsd == null && place.type().isEmpty()) {
      // A whole disk without a partition table; the label says at least that it is one of them.
      bsd = Volume.read(disk, place.start() + 512, 4).getInt(0) == DISKLABEL_MAGIC ? "BSD" : null;
    }
    if (place.type().equals("eb") || place.type().equals(HAIKU_TYPE)) {
      return new Found(system("Haiku", "haiku", place), "BFS", "");
    }
    boolean ufs1 = magic(disk, place, 8192) == UFS1_MAGIC;
    boolean ufs2 = magic(disk, place, 65_536) == UFS2_MAGIC;
    if (bsd == null && (ufs1 || ufs2)) {
      bsd = "BSD";
    }
    return bsd == null
        ? null
        : new Found(system(bsd, "bsd", place), ufs2 ? "UFS2" : ufs1 ? "UFS" : "BSD slice", "");
  }

  private static int magic(BlockDevice disk, Partition place, int superblock) throws IOException {
    return Volume.read(disk, place.start() + superblock + UFS_MAGIC_AT, 4).getInt(0);
  }

  private static OperatingSystem system(String name, String preset, Partition place) {
    return new OperatingSystem(name, null, null, preset, place.number(), Map.of());
  }
}
