package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The files of a file system, read-only. Paths are separated by slashes and begin at the root,
 * whatever the guest calls them; symbolic links are followed inside the file system. What the disk
 * says is not trusted: a loop, a place outside or a size that cannot be is an {@link
 * ImageException} of the kind CORRUPT.
 */
public interface FileSystem {
  /** What kind it is: ext4, NTFS, FAT32, exFAT, ISO 9660. */
  String kind();

  /** Its name, perhaps empty. */
  String label() throws IOException;

  /**
   * What a directory holds, without "." and "..", in the order of the disk.
   *
   * @throws ImageException of the kind MISSING if there is no such directory
   */
  List<Entry> list(String path) throws IOException;

  /** What is known of a file; of a symbolic link itself, not of what it leads to. */
  Entry attributes(String path) throws IOException;

  /**
   * A file's bytes. Symbolic links are followed.
   *
   * @throws ImageException of the kind MISSING, DIRECTORY, UNSUPPORTED or ENCRYPTED
   */
  Content open(String path) throws IOException;

  /** Whether there is a file or directory of that name. */
  default boolean exists(String path) throws IOException {
    try {
      attributes(path);
      return true;
    } catch (ImageException e) {
      if (e.kind() == ImageException.Kind.MISSING) {
        return false;
      }
      throw e;
    }
  }

  /** What a name stands for. */
  enum Type {
    FILE,
    DIRECTORY,
    LINK,
    /** A device, a pipe, a socket. */
    OTHER
  }

  /**
   * A name in a directory.
   *
   * @param size in bytes
   * @param modified when the content last changed, or null when that is not recorded
   * @param link where a symbolic link leads, as written, or null
   * @param mode the permissions of Unix, or -1 where there are none
   */
  record Entry(
      String name,
      Type type,
      long size,
      @Nullable Instant modified,
      @Nullable String link,
      int mode) {}

  /** The bytes of a file. */
  interface Content {
    /** How many there are. */
    long size();

    /** Fills {@code target}; the range lies inside the file. */
    void read(long offset, ByteBuffer target) throws IOException;

    /** Up to {@code most} bytes from {@code offset} on; fewer at the end. */
    default byte[] read(long offset, int most) throws IOException {
      byte[] bytes = new byte[Math.clamp(size() - offset, 0, most)];
      read(offset, ByteBuffer.wrap(bytes));
      return bytes;
    }

    /** The bytes one after the other. */
    default InputStream stream() {
      return new ContentStream(this);
    }
  }

  /**
   * The file system that begins at {@code start}, or null when it is none whose files can be read.
   *
   * @throws IOException if the disk cannot be read or the file system is broken
   */
  static @Nullable FileSystem at(BlockDevice disk, long start, long length) throws IOException {
    if (length < 4096 || start < 0 || start > disk.size() - length) {
      return null;
    }
    FileSystem found = IsoFiles.probe(disk, start, length);
    if (found == null) {
      found = ExtFiles.probe(disk, start, length);
    }
    if (found == null) {
      found = NtfsFiles.probe(disk, start, length);
    }
    if (found == null) {
      found = ExfatFiles.probe(disk, start, length);
    }
    return found == null ? FatFiles.probe(disk, start, length) : found;
  }

  /** The path of a name inside a directory. */
  static String below(String directory, String name) {
    return directory.endsWith("/") ? directory + name : directory + "/" + name;
  }

  /** A name without what would steer who shows it: it comes from an untrusted disk. */
  static String shown(String name) {
    return name.replaceAll("\\p{Cntrl}", "?");
  }
}
