package io.satchel.image.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads every file of a raw disk by the distribution's own tools, and lets them check the disk. */
enum FileSums {
  EXT4 {
    @Override
    void extract(Path disk, Path folder) {
      QemuImg.tool("debugfs", "-R", "rdump / " + folder, disk);
    }

    @Override
    void checkClean(Path disk) {
      Child.run("e2fsck", "-f", "-n", disk);
    }
  },
  NTFS {
    @Override
    void extract(Path disk, Path folder) {
      for (String name : names(QemuImg.tool("ntfsls", disk).out())) {
        Child.run(
            "sh", "-c", "ntfscat \"$1\" \"$2\" >\"$3\"", "sh", disk, name, folder.resolve(name));
      }
    }

    @Override
    void checkClean(Path disk) {
      Child.run("ntfsfix", "-n", disk);
    }
  },
  FAT {
    @Override
    void extract(Path disk, Path folder) {
      Child.run("mcopy", "-s", "-i", disk, "::/*", folder);
    }

    @Override
    void checkClean(Path disk) {
      Child.run("fsck.vfat", "-n", disk);
    }
  };

  /** Copies all files into an empty folder of the host. */
  abstract void extract(Path disk, Path folder);

  /** Expects that the file system's own checker finds nothing. */
  abstract void checkClean(Path disk);

  /** The hash of each file, by its name; {@code scratch} is made and deleted again. */
  Map<String, String> of(Path disk, Path scratch) throws IOException {
    BenchImages.deleteTree(scratch);
    Files.createDirectories(scratch);
    extract(disk, scratch);
    Map<String, String> sums = new TreeMap<>();
    try (Stream<Path> files = Files.walk(scratch)) {
      for (Path file :
          files.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).toList()) {
        sums.put(scratch.relativize(file).toString(), sum(file));
      }
    }
    BenchImages.deleteTree(scratch);
    assertThat(sums).as("files on " + disk).isNotEmpty();
    return sums;
  }

  private static String sum(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      DigestInputStream through = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"));
      through.transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(through.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static Iterable<String> names(String listed) {
    return listed.lines().filter(line -> line.startsWith("file-")).toList();
  }

  /** The bytes that a file on an empty FAT disk may still take. */
  static long freeOnFat(Path disk) {
    Matcher free =
        Pattern.compile("([0-9 ]+) bytes free").matcher(QemuImg.tool("mdir", "-i", disk).out());
    assertThat(free.find()).isTrue();
    return Long.parseLong(free.group(1).replace(" ", ""));
  }
}
