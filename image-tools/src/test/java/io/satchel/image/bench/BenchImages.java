package io.satchel.image.bench;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * The images of the benchmarks: disks filled with a choice of the host's programs and texts. They
 * are made once for a folder and a size.
 */
final class BenchImages {
  /** What of a disk is filled with files. */
  private static final double FILLED = 0.43;

  /** What of a disk is filled with files that are deleted again. */
  private static final double DELETED = 0.12;

  private static final Path SOURCE = Path.of("/usr");

  private final Path folder;
  private final long size;
  private final long smallSize;

  /** Images of {@code size} bytes; those of NTFS and FAT have half of it. */
  BenchImages(Path folder, long size) {
    this.folder = folder;
    this.size = size;
    this.smallSize = size / 2;
  }

  Path file(String name) {
    return folder.resolve(name);
  }

  /** Makes something whose name does not exist yet. */
  private interface Maker {
    void make(Path part) throws IOException;
  }

  private Path once(String name, Maker maker) throws IOException {
    Path file = file(name);
    if (!Files.exists(file)) {
      Path part = file("part-" + name);
      Files.deleteIfExists(part);
      maker.make(part);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return file;
  }

  private static Path empty(Path file, long bytes) throws IOException {
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(bytes);
    }
    return file;
  }

  /** An ext4 disk of the host's files. */
  Path ext4() throws IOException {
    return once(
        "ext4.raw",
        part -> {
          QemuImg.needs("mke2fs");
          Path tree = file("tree");
          deleteTree(tree);
          Files.createDirectories(tree);
          copyHostFiles(tree, (long) (size * FILLED), 0);
          Child.run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, empty(part, size));
          deleteTree(tree);
        });
  }

  /** The same disk with files that were there and are deleted: their blocks are free, not zero. */
  Path ext4WithDeletions() throws IOException {
    return once(
        "ext4-deleted.raw",
        part -> {
          QemuImg.needs("debugfs");
          Child.run("cp", "--sparse=always", ext4(), part);
          Path again = file("again");
          deleteTree(again);
          Files.createDirectories(again);
          List<Path> written = copyHostFiles(again, (long) (size * DELETED), 1);
          // One directory that debugfs fills and empties.
          StringBuilder script = new StringBuilder("mkdir gone\ncd gone\n");
          for (int i = 0; i < written.size(); i++) {
            script.append("write ").append(written.get(i)).append(" f").append(i).append('\n');
          }
          for (int i = 0; i < written.size(); i++) {
            script.append("rm f").append(i).append('\n');
          }
          Path commands = file("debugfs.commands");
          Files.writeString(commands, script);
          Child.run("debugfs", "-w", "-f", commands, part);
          Files.delete(commands);
          deleteTree(again);
        });
  }

  /** An NTFS disk that was in use before: what is free is not zero. */
  Path ntfs() throws IOException {
    return once(
        "ntfs.raw",
        part -> {
          QemuImg.needs("mkntfs");
          used(part);
          Child.run("mkntfs", "-q", "-Q", "-F", "-L", "bench", part);
          int i = 0;
          for (Path each : largeFiles()) {
            Child.run("ntfscp", part, each, "file-" + i++);
          }
        });
  }

  /** A FAT32 disk that was in use before. */
  Path fat() throws IOException {
    return once(
        "fat.raw",
        part -> {
          QemuImg.needs("mkfs.vfat");
          QemuImg.needs("mcopy");
          used(part);
          Child.run("mkfs.vfat", "-F", "32", "-n", "BENCH", part);
          int i = 0;
          for (Path each : largeFiles()) {
            Child.run("mcopy", "-i", part, each, "::/file-" + i++);
          }
        });
  }

  /** A file of which the second quarter holds something. */
  private void used(Path part) throws IOException {
    empty(part, smallSize);
    try (FileChannel from = FileChannel.open(ext4());
        FileChannel to = FileChannel.open(part, StandardOpenOption.WRITE)) {
      long at = smallSize / 4;
      to.position(at);
      from.transferTo(size / 16, smallSize / 4, to);
    }
  }

  /** Files of a megabyte and more, together an eighth of a small disk. */
  private List<Path> largeFiles() throws IOException {
    List<Path> some = new ArrayList<>();
    long rest = smallSize / 8;
    for (Path each : hostFiles()) {
      long bytes = Files.size(each);
      if (bytes >= 1 << 20 && bytes <= rest) {
        some.add(each);
        rest -= bytes;
      }
    }
    return some;
  }

  private static List<Path> hostFiles() throws IOException {
    try (Stream<Path> all = Files.walk(SOURCE)) {
      return all.filter(each -> Files.isRegularFile(each, java.nio.file.LinkOption.NOFOLLOW_LINKS))
          .filter(Files::isReadable)
          .sorted()
          .toList();
    }
  }

  /** Copies a choice of the host's files, by a checksum of their names, and returns the copies. */
  private static List<Path> copyHostFiles(Path target, long budget, int salt) throws IOException {
    List<Path> all = hostFiles();
    long total = 0;
    for (Path each : all) {
      total += Files.size(each);
    }
    double share = (double) budget / total;
    List<Path> copies = new ArrayList<>();
    for (Path each : all) {
      CRC32 sum = new CRC32();
      sum.update((salt + each.toString()).getBytes(StandardCharsets.UTF_8));
      if (sum.getValue() < share * (1L << 32)) {
        Path copy = target.resolve(SOURCE.relativize(each).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(each, copy);
        copies.add(copy);
      }
    }
    return copies;
  }

  static void deleteTree(Path tree) throws IOException {
    if (Files.exists(tree)) {
      try (Stream<Path> all = Files.walk(tree)) {
        for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
  }

  /** The disk in qcow2, as qemu-img writes it. */
  Path qcow2(String name, Path raw, Object... options) throws IOException {
    return once(
        name, part -> Child.run("qemu-img", "convert", "-O", "qcow2", List.of(options), raw, part));
  }

  /** The first quarter of the ext4 disk, encrypted. */
  Path luks(Path secret) throws IOException {
    Path plain =
        once(
            "quarter.raw",
            part -> Child.run("cp", "--sparse=always", quarterOf(ext4(), file("quarter")), part));
    Files.deleteIfExists(file("quarter"));
    return once(
        "quarter.luks",
        part ->
            Child.run(
                "qemu-img",
                "convert",
                "--object",
                "secret,id=key,file=" + secret,
                "-O",
                "luks",
                "-o",
                "key-secret=key,iter-time=50",
                plain,
                part));
  }

  private Path quarterOf(Path raw, Path target) throws IOException {
    Files.deleteIfExists(target);
    Child.run("cp", "--sparse=always", raw, target);
    Child.run("truncate", "-s", size / 4, target);
    return target;
  }
}
