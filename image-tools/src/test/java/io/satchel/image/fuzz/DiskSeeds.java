package io.satchel.image.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import io.satchel.image.compact.LvmMaker;
import io.satchel.image.inspect.HiveWalk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.zip.CRC32C;

/** Small disks with file systems, made by the tools of the distribution, and partition tables. */
final class DiskSeeds {
  private DiskSeeds() {}

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  /** Makes a file system on a file of that size. */
  private interface Maker {
    void make(Path disk, Path files) throws IOException;
  }

  private static Seed made(String name, int size, Maker maker) throws IOException {
    return made(name, size, maker, image -> {});
  }

  private static Seed made(String name, int size, Maker maker, Seed.Checksums checksums)
      throws IOException {
    Path folder = Files.createTempDirectory("seed");
    try {
      Path files = Files.createDirectories(folder.resolve("files/dir/below")).resolve("../..");
      Files.writeString(files.resolve("tiny"), "x");
      Files.writeString(files.resolve("a longer name.text"), "text ".repeat(300));
      Files.writeString(files.resolve("dir/below/deep"), "deep");
      Files.createSymbolicLink(files.resolve("link"), Path.of("dir/below"));
      Path disk = folder.resolve("disk");
      try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
        raw.setLength(size);
      }
      maker.make(disk, files.normalize());
      return new Seed(name, Files.readAllBytes(disk), checksums);
    } finally {
      try (var all = Files.walk(folder)) {
        for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
  }

  private static Seed ext(String kind, String features) throws IOException {
    return made(
        kind + " " + features,
        1 << 20,
        (disk, files) ->
            tool(
                "mkfs." + kind,
                "-q",
                "-b",
                "1024",
                "-N",
                "32",
                "-O",
                features,
                "-F",
                "-d",
                files,
                disk));
  }

  static List<Seed> ext() throws IOException {
    return List.of(
        ext("ext2", "^resize_inode"),
        ext("ext4", "^has_journal,inline_data"),
        ext("ext4", "^has_journal,64bit,^flex_bg,^metadata_csum"));
  }

  static List<Seed> fat() throws IOException {
    return List.of(fat("12", 256 << 10), fat("16", 5 << 20), fat("32", 40 << 20));
  }

  private static Seed fat(String bits, int size) throws IOException {
    return made(
        "FAT" + bits,
        size,
        (disk, files) -> {
          tool("mkfs.vfat", "-F", bits, "-s", "1", "-n", "FILES", disk);
          for (String top : List.of("tiny", "a longer name.text", "dir")) {
            tool("mcopy", "-s", "-i", disk, files.resolve(top), "::");
          }
        });
  }

  static List<Seed> exfat() throws IOException {
    Seed seed =
        made(
            "exFAT",
            4 << 20,
            (disk, files) -> tool("mkfs.exfat", "-c", "4096", "-L", "files", disk));
    byte[] bytes = seed.image();
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int heap = b.getInt(88) << b.get(108);
    int at = heap + (b.getInt(96) - 2) * 4096;
    while (b.get(at) != 0) {
      at += 32;
    }
    // A file whose two clusters follow one another without a chain.
    b.put(at, (byte) 0x85).put(at + 1, (byte) 2);
    b.put(at + 32, (byte) 0xc0).put(at + 33, (byte) 3).put(at + 35, (byte) 4);
    b.putLong(at + 40, 5000).putInt(at + 52, 20).putLong(at + 56, 5000);
    b.put(at + 64, (byte) 0xc1);
    b.put(at + 66, "file".getBytes(StandardCharsets.UTF_16LE));
    return List.of(seed);
  }

  static List<Seed> ntfs() throws IOException {
    return List.of(
        made(
            "NTFS",
            2 << 20,
            (disk, files) -> {
              tool("mkntfs", "-q", "-Q", "-F", "-c", "4096", "-L", "FILES", disk);
              tool("ntfscp", disk, files.resolve("a longer name.text"), "file");
            }));
  }

  /** Smaller than mkfs.xfs makes it for people; its own tests set these variables too. */
  static List<Seed> xfs() throws IOException {
    return List.of(
        made(
            "XFS",
            24 << 20,
            (disk, files) ->
                tool(
                    "env",
                    "TEST_DIR=1",
                    "TEST_DEV=1",
                    "QA_CHECK_FS=1",
                    "mkfs.xfs",
                    "-q",
                    "-d",
                    "agcount=1",
                    "-m",
                    "reflink=0",
                    "-l",
                    "size=2000b",
                    disk),
            DiskSeeds::mendXfs));
  }

  private static void mendXfs(byte[] image) {
    mendSum(image, 0, 512, 224);
    mendSum(image, 512, 512, 216);
    ByteBuffer b = ByteBuffer.wrap(image);
    long tree = (b.getInt(512 + 16) & 0xffffffffL) * 4096;
    if (tree < image.length - 4096) {
      mendSum(image, (int) tree, 4096, 52);
    }
  }

  /** CRC-32C, little-endian, of a block in which its own field counts as zeros. */
  private static void mendSum(byte[] image, int at, int length, int field) {
    ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(at + field, 0);
    CRC32C crc = new CRC32C();
    crc.update(image, at, length);
    b.putInt(at + field, (int) crc.getValue());
  }

  static List<Seed> btrfs() throws IOException {
    return List.of(
        made(
            "btrfs",
            18 << 20,
            (disk, files) -> tool("mkfs.btrfs", "-q", "-M", "--rootdir", files, disk),
            DiskSeeds::mendBtrfs));
  }

  /** The superblock, and whatever else calls itself a block of the same file system. */
  private static void mendBtrfs(byte[] image) {
    int own = 64 << 10;
    ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = own; at + 4096 <= image.length; at += 4096) {
      if (Arrays.equals(image, at + 32, at + 48, image, own + 32, own + 48)) {
        CRC32C crc = new CRC32C();
        crc.update(image, at + 32, 4096 - 32);
        b.putInt(at, (int) crc.getValue());
      }
    }
  }

  static List<Seed> lvm() {
    byte[] disk = new byte[LvmMaker.FIRST + LvmMaker.EXTENT];
    LvmMaker.write(disk, LvmMaker.group(1, LvmMaker.volume("root", 0, 1)));
    return List.of(new Seed("LVM", disk, LvmMaker::mend));
  }

  static List<Seed> iso() throws IOException {
    return List.of(
        made("Rock Ridge", 0, (disk, files) -> iso("-R", disk, files)),
        made("Joliet", 0, (disk, files) -> iso("-J", disk, files)));
  }

  private static void iso(String how, Path disk, Path files) throws IOException {
    Files.delete(disk);
    tool("xorriso", "-as", "mkisofs", how, "-o", disk, files);
  }

  static List<Seed> swap() {
    byte[] bytes = new byte[64 << 10];
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(1024, 1).putInt(1028, 15);
    b.put(4086, "SWAPSPACE2".getBytes(StandardCharsets.US_ASCII));
    return List.of(new Seed("swap", bytes));
  }

  static List<Seed> partitions() throws IOException {
    List<Seed> all = new ArrayList<>(List.of(mbr(), gpt()));
    all.addAll(swap());
    return all;
  }

  private static void entry(ByteBuffer b, int at, int type, int first, int sectors) {
    b.put(at, (byte) 0x80).put(at + 4, (byte) type).putInt(at + 8, first).putInt(at + 12, sectors);
  }

  private static Seed mbr() {
    ByteBuffer b = ByteBuffer.allocate(256 << 10).order(ByteOrder.LITTLE_ENDIAN);
    b.put(0, (byte) 0xeb);
    entry(b, 446, 0x83, 64, 64);
    entry(b, 462, 5, 128, 256);
    b.putShort(510, (short) 0xaa55);
    for (int i = 0; i < 3; i++) {
      int ebr = (128 + i * 32) * 512;
      entry(b, ebr + 446, 7, 4, 16);
      if (i < 2) {
        entry(b, ebr + 462, 5, (i + 1) * 32, 32);
      }
      b.putShort(ebr + 510, (short) 0xaa55);
    }
    return new Seed("MBR", b.array());
  }

  private static Seed gpt() {
    ByteBuffer b = ByteBuffer.allocate(256 << 10).order(ByteOrder.LITTLE_ENDIAN);
    entry(b, 446, 0xee, 1, 511);
    b.putShort(510, (short) 0xaa55);
    b.putLong(512, 0x5452415020494645L).putInt(520, 0x10000).putInt(524, 92);
    b.putLong(584, 2).putInt(592, 8).putInt(596, 128);
    for (int i = 0; i < 3; i++) {
      int at = 1024 + i * 128;
      b.putLong(at, i + 1).putLong(at + 8, 7).putLong(at + 16, 1);
      b.putLong(at + 32, 40 + i * 64).putLong(at + 40, 40 + i * 64 + 63);
      b.put(at + 56, "part".getBytes(StandardCharsets.UTF_16LE));
    }
    return new Seed("GPT", b.array());
  }

  static List<Seed> hive() {
    return List.of(new Seed("hive", HiveWalk.sound()));
  }
}
