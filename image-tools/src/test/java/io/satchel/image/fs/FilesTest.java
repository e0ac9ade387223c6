package io.satchel.image.fs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files read back from file systems that the distribution's own tools made. */
class FilesTest {
  private static final int MIB = 1 << 20;

  @TempDir Path folder;

  private final Map<String, byte[]> content = new TreeMap<>();

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  /** Names, sizes and contents that each go another way through a reader. */
  private Path source() throws IOException {
    Random random = new Random(5);
    byte[] noise = new byte[2 * MIB + 17];
    random.nextBytes(noise);
    content.put("noise.bin", noise);
    byte[] text =
        "the same line again and again, a little different each time\n"
            .repeat(20_000)
            .getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i < text.length; i += 211) {
      text[i] = (byte) ('a' + random.nextInt(26));
    }
    content.put("text.log", text);
    content.put("empty", new byte[0]);
    content.put("tiny.txt", "x".getBytes(StandardCharsets.US_ASCII));
    content.put("inline.txt", "y".repeat(120).getBytes(StandardCharsets.US_ASCII));
    content.put("A rather long name with blanks.text", "long".getBytes(StandardCharsets.US_ASCII));
    content.put("dir/below/deep.txt", "deep".getBytes(StandardCharsets.US_ASCII));
    for (int i = 0; i < 150; i++) {
      content.put("many/file number " + i, ("number " + i).getBytes(StandardCharsets.US_ASCII));
    }
    Path source = folder.resolve("source");
    for (var each : content.entrySet()) {
      Path file = source.resolve(each.getKey());
      Files.createDirectories(file.getParent());
      Files.write(file, each.getValue());
    }
    return source;
  }

  private Path disk(String kind) throws IOException {
    Path source = source();
    Path disk = folder.resolve("disk.img");
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.setLength(kind.equals("fat32") ? 40L * MIB : kind.equals("fat12") ? 6 * MIB : 24 * MIB);
    }
    switch (kind) {
      case "ext2", "ext3" -> {
        tool("mkfs." + kind, "-q", "-b", "1024", "-F", "-d", source, "-L", "files", disk);
      }
      case "ext4" -> {
        tool("mkfs.ext4", "-q", "-O", "inline_data", "-F", "-d", source, "-L", "files", disk);
      }
      case "meta_bg" -> {
        String features = "meta_bg,^resize_inode,^flex_bg";
        tool("mkfs.ext4", "-q", "-b", "1024", "-O", features, "-F", "-d", source, disk);
      }
      case "fat12", "fat16", "fat32" -> {
        String sectors = kind.equals("fat32") ? "1" : kind.equals("fat12") ? "8" : "4";
        tool("mkfs.vfat", "-F", kind.substring(3), "-s", sectors, "-n", "FILES", disk);
        for (String top :
            List.of(
                "noise.bin",
                "text.log",
                "empty",
                "tiny.txt",
                "inline.txt",
                "A rather long name with blanks.text",
                "dir",
                "many")) {
          tool("mcopy", "-s", "-i", disk, source.resolve(top), "::");
        }
      }
      case "ntfs", "ntfs-packed" -> {
        QemuImg.needs("mkntfs");
        List<String> packed = kind.equals("ntfs") ? List.of() : List.of("-C");
        List<Object> words = new ArrayList<>(List.of("-q", "-Q", "-F", "-L", "FILES"));
        words.addAll(packed);
        words.add(disk);
        tool("mkntfs", words.toArray());
        try (NtfsMaker maker = new NtfsMaker(disk)) {
          content.forEach((name, bytes) -> maker.file("/" + name, bytes));
        }
      }
      case "iso" -> tool("xorriso", "-as", "mkisofs", "-R", "-o", disk, source);
      case "joliet" -> tool("xorriso", "-as", "mkisofs", "-J", "-o", disk, source);
      default -> throw new IllegalArgumentException(kind);
    }
    return disk;
  }

  private static OpenedImage open(Path disk) throws IOException {
    return Images.open(disk, OpenOptions.readOnly().withFormat("raw"));
  }

  private static FileSystem files(BlockDevice disk) throws IOException {
    FileSystem files = FileSystem.at(disk, 0, disk.size());
    assertThat(files).isNotNull();
    return Objects.requireNonNull(files);
  }

  private static byte[] all(FileSystem files, String path) throws IOException {
    FileSystem.Content content = files.open(path);
    return content.read(0, (int) content.size());
  }

  private void gather(FileSystem files, String where, Map<String, byte[]> into) throws IOException {
    for (Entry each : files.list(where)) {
      String path = where + each.name();
      if (each.type() == Type.DIRECTORY) {
        if (!each.name().equals("lost+found")) {
          gather(files, path + "/", into);
        }
      } else {
        into.put(path.substring(1), all(files, path));
        assertThat(each.size()).as(path).isEqualTo(into.get(path.substring(1)).length);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ext2",
        "ext3",
        "ext4",
        "meta_bg",
        "fat12",
        "fat16",
        "fat32",
        "ntfs",
        "ntfs-packed",
        "iso",
        "joliet"
      })
  void everyFileIsReadAsItWasWritten(String kind) throws IOException {
    try (OpenedImage image = open(disk(kind))) {
      FileSystem files = files(image.device());
      Map<String, byte[]> found = new TreeMap<>();
      gather(files, "/", found);
      assertThat(found.keySet()).containsExactlyElementsOf(content.keySet());
      found.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(content.get(name)));
      FileSystem.Content noise = files.open("dir/../noise.bin");
      assertThat(noise.read(MIB + 3, 70_000))
          .isEqualTo(Arrays.copyOfRange(content.get("noise.bin"), MIB + 3, MIB + 70_003));
      assertThat(files.exists("nothing")).isFalse();
      assertThatThrownBy(() -> files.open("dir"))
          .isInstanceOfSatisfying(
              ImageException.class,
              e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.DIRECTORY));
    }
  }

  /** Nothing but a typed error comes of a file system whose tables lie, and it comes soon. */
  @ParameterizedTest
  @ValueSource(strings = {"ext2", "ext4", "fat12", "fat16", "ntfs", "ntfs-packed", "iso", "joliet"})
  void damagedTablesAreTypedErrors(String kind) throws IOException {
    Path disk = disk(kind);
    byte[] sound = Files.readAllBytes(disk);
    Random random = new Random(77);
    int broken = 0;
    for (int round = 0; round < 15; round++) {
      byte[] bytes = sound.clone();
      for (int i = 0; i < 40; ) {
        int at = random.nextInt(round % 3 == 0 ? 64 << 10 : 2 * MIB);
        // Only where something is: the tables are small and mostly empty.
        if (bytes[at] != 0) {
          bytes[at] = (byte) random.nextInt(256);
          i++;
        }
      }
      try {
        BlockDevice device = new MemoryDisk(bytes);
        FileSystem files = FileSystem.at(device, 0, device.size());
        if (files != null) {
          broken += walk(files, "/", 0, new int[] {2000});
        }
        Volume volume = Volume.at(device, 0, device.size());
        if (volume != null) {
          volume.unsafe();
          volume.free();
        }
      } catch (ImageException e) {
        broken++;
      }
    }
    assertThat(broken).isPositive();
  }

  private static int walk(FileSystem files, String where, int depth, int[] budget)
      throws IOException {
    int broken = 0;
    List<Entry> entries;
    try {
      entries = files.list(where);
    } catch (ImageException e) {
      return 1;
    }
    for (Entry each : entries) {
      if (--budget[0] < 0 || each.name().contains("/")) {
        return broken;
      }
      String path = where + each.name();
      try {
        if (each.type() == Type.DIRECTORY && depth < 4) {
          broken += walk(files, path + "/", depth + 1, budget);
        } else if (each.type() == Type.FILE) {
          FileSystem.Content content = files.open(path);
          content.read(0, MIB);
          content.read(Math.max(0, content.size() - 100), 100);
        }
      } catch (ImageException e) {
        broken++;
      }
    }
    return broken;
  }

  @Test
  void linksAreFollowedInsideTheImageAndCirclesAreAnError() throws IOException {
    Path source = Files.createDirectories(folder.resolve("links"));
    Files.createDirectories(source.resolve("a/b"));
    Files.writeString(source.resolve("a/b/file"), "found");
    Files.createSymbolicLink(source.resolve("relative"), Path.of("a/b/../b/file"));
    Files.createSymbolicLink(source.resolve("absolute"), Path.of("/a/b"));
    Files.createSymbolicLink(source.resolve("out"), Path.of("../../../../a/b/file"));
    Files.createSymbolicLink(source.resolve("circle"), Path.of("circle"));
    Files.createSymbolicLink(source.resolve("long"), Path.of("a/" + "./".repeat(60) + "b/file"));
    Path disk = folder.resolve("links.img");
    tool("mkfs.ext4", "-q", "-d", source, disk, "8M");
    Path disc = folder.resolve("links.iso");
    tool("xorriso", "-as", "mkisofs", "-R", "-o", disc, source);
    for (Path each : List.of(disk, disc)) {
      try (OpenedImage image = open(each)) {
        FileSystem files = files(image.device());
        for (String name : List.of("relative", "absolute/file", "out", "long")) {
          assertThat(all(files, name)).asString().isEqualTo("found");
        }
        assertThat(files.attributes("absolute").link()).isEqualTo("/a/b");
        assertThatThrownBy(() -> files.open("circle")).hasMessageContaining("in a circle");
      }
    }
  }

  @Test
  void aFatChainInACircleAndAFileThatEndsTooEarlyAreErrors() throws IOException {
    Path disk = disk("fat16");
    byte[] bytes = Files.readAllBytes(disk);
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int fat = b.getShort(14) * 512;
    b.putShort(fat + 20 * 2, (short) 10);
    FileSystem circle = files(new MemoryDisk(bytes));
    assertThatThrownBy(() -> all(circle, "noise.bin"))
        .hasMessage(
            "The FAT16 file system has a file whose clusters run in a circle; "
                + "start the guest and let it check its disk.");
    b.putShort(fat + 20 * 2, (short) 0xffff);
    FileSystem shortened = files(new MemoryDisk(bytes));
    assertThatThrownBy(() -> all(shortened, "noise.bin")).hasMessageContaining("ends before its");
  }

  @Test
  void exfatFilesAreReadByChainAndWithoutOne() throws IOException {
    Path disk = folder.resolve("exfat.img");
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.setLength(16 * MIB);
    }
    tool("mkfs.exfat", "-c", "4096", "-L", "files", disk);
    byte[] bytes = Files.readAllBytes(disk);
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int heap = b.getInt(88) << b.get(108);
    int fat = b.getInt(80) << b.get(108);
    int root = heap + (b.getInt(96) - 2) * 4096;
    int at = root;
    while (b.get(at) != 0) {
      at += 32;
    }
    // One file whose clusters 100, 102, 101 are chained, one of two clusters from 110 on.
    exfatFile(b, at, "A chained file.bin", 100, 10_000, 1);
    b.putInt(fat + 400, 102).putInt(fat + 408, 101).putInt(fat + 404, -1);
    exfatFile(b, at + 128, "plain", 110, 5000, 3);
    for (int i = 0; i < 12 * 4096; i++) {
      bytes[heap + 98 * 4096 + i] = (byte) (i / 4096 + 1);
    }
    FileSystem files = files(new MemoryDisk(bytes));
    assertThat(files.label()).isEqualTo("files");
    assertThat(files.list("/"))
        .extracting(Entry::name)
        .containsExactly("A chained file.bin", "plain");
    byte[] chained = all(files, "a CHAINED file.bin");
    assertThat(chained).hasSize(10_000);
    assertThat(new int[] {chained[0], chained[4096], chained[8192]}).containsExactly(1, 3, 2);
    assertThat(all(files, "plain")[4999]).isEqualTo((byte) 12);
    b.putInt(fat + 404, 100);
    assertThatThrownBy(() -> all(files(new MemoryDisk(bytes)), "plain/x"))
        .isInstanceOf(ImageException.class);
    Volume volume = Volume.at(new MemoryDisk(bytes), 0, bytes.length);
    assertThat(volume).isNotNull();
    assertThat(Objects.requireNonNull(volume).free()).isGreaterThan(13L * MIB);
  }

  private static void exfatFile(
      ByteBuffer b, int at, String name, int cluster, long size, int flags) {
    int pieces = Math.ceilDiv(name.length(), 15);
    b.put(at, (byte) 0x85).put(at + 1, (byte) (1 + pieces));
    b.put(at + 32, (byte) 0xc0).put(at + 33, (byte) flags).put(at + 35, (byte) name.length());
    b.putLong(at + 40, size).putInt(at + 52, cluster).putLong(at + 56, size);
    for (int i = 0; i < pieces; i++) {
      b.put(at + 64 + i * 32, (byte) 0xc1);
      String part = name.substring(i * 15, Math.min(name.length(), i * 15 + 15));
      b.put(at + 66 + i * 32, part.getBytes(StandardCharsets.UTF_16LE));
    }
  }

  @Test
  void aDiscOfHostFilesIsReadByThisProgramAndByXorriso() throws IOException {
    Path source = source();
    Files.createSymbolicLink(source.resolve("link"), Path.of("dir/below/deep.txt"));
    String accents = "Gr\u00fc\u00dfe aus dem Norden, ein recht langer Name.text";
    boolean unicode = "UTF-8".equals(System.getProperty("sun.jnu.encoding"));
    if (unicode) {
      Files.writeString(source.resolve(accents), "moin");
    }
    Path disc = folder.resolve("put.iso");
    try (BlockDevice made = IsoBuilder.of("My files", List.of(source), Instant.EPOCH)) {
      ByteBuffer whole = ByteBuffer.allocate((int) made.size());
      made.read(0, whole);
      Files.write(disc, whole.array());
      FileSystem files = files(made);
      assertThat(files.label()).isEqualTo("My files");
      Map<String, byte[]> found = new TreeMap<>();
      assertThat(all(files, "source/link")).asString().isEqualTo("deep");
      for (Entry each : files.list("/source")) {
        if (each.type() == Type.FILE) {
          found.put(each.name(), all(files, "/source/" + each.name()));
        }
      }
      assertThat(found.get("noise.bin")).isEqualTo(content.get("noise.bin"));
      assertThat(files.list("/source/many")).hasSize(150);
      if (unicode) {
        assertThat(found.get(accents)).asString().isEqualTo("moin");
      }
    }
    for (String names : List.of("any", "norock")) {
      Path out = folder.resolve(names);
      tool("xorriso", "-read_fs", names, "-osirrox", "on", "-indev", disc, "-extract", "/", out);
      assertThat(out.resolve("source/noise.bin"))
          .hasSameBinaryContentAs(source.resolve("noise.bin"));
      assertThat(out.resolve("source/many/file number 149")).hasContent("number 149");
    }
    assertThat(folder.resolve("any/source/link")).isSymbolicLink();
  }
}
