package io.satchel.image.file;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What Linux offers for a file and Java does not: holes, and the open-file-description locks that
 * QEMU uses. It is a second descriptor of the same file, opened beside the channel that moves the
 * bytes; see fcntl(2), fallocate(2), lseek(2).
 */
final class LinuxFile implements AutoCloseable {
  private static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x80000;
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int ENXIO = 6;
  private static final int EINTR = 4;
  private static final int ENOSPC = 28;

  /** QEMU's lock bytes: one a permission that is held, one a permission that is not shared. */
  private static final int HELD = 100;

  private static final int NOT_SHARED = 200;
  private static final int CONSISTENT_READ = 0;
  private static final int WRITE = 1;
  private static final int RESIZE = 3;

  /** The C library's functions. */
  interface LibC extends Library {
    int open(String path, int flags, Object... mode) throws LastErrorException;

    int close(int fd) throws LastErrorException;

    int fcntl(int fd, int command, Object... argument) throws LastErrorException;

    int fallocate(int fd, int mode, long offset, long length) throws LastErrorException;

    long lseek(int fd, long offset, int whence) throws LastErrorException;

    int fstat(int fd, Memory stat) throws LastErrorException;
  }

  private static final class Loaded {
    static final @Nullable LibC LIBC =
        Platform.isLinux() && Native.POINTER_SIZE == 8 ? Native.load("c", LibC.class) : null;
  }

  private final LibC libc;
  private final int fd;
  private final Path path;
  private boolean closed;

  private LinuxFile(LibC libc, int fd, Path path) {
    this.libc = libc;
    this.fd = fd;
    this.path = path;
  }

  /** Opens the file once more, or returns null where it is none of 64-bit Linux's. */
  static @Nullable LinuxFile open(Path path, boolean writable) {
    LibC libc = Loaded.LIBC;
    if (libc == null || path.getFileSystem() != FileSystems.getDefault()) {
      return null;
    }
    try {
      int fd = libc.open(path.toString(), (writable ? O_RDWR : 0) | O_CLOEXEC);
      return new LinuxFile(libc, fd, path);
    } catch (LastErrorException e) {
      return null;
    }
  }

  /**
   * Takes the locks that QEMU takes on an image: a reader lets other readers in, a writer is alone.
   *
   * @return null when the locks are held, or who is in the way
   */
  @Nullable String lock(boolean write) {
    int[] held = write ? new int[] {CONSISTENT_READ, WRITE, RESIZE} : new int[] {CONSISTENT_READ};
    int[] notShared = {WRITE, RESIZE};
    try {
      for (int permission : held) {
        fcntl(F_OFD_SETLK, F_RDLCK, HELD + permission);
      }
      for (int permission : notShared) {
        fcntl(F_OFD_SETLK, F_RDLCK, NOT_SHARED + permission);
      }
      boolean taken = false;
      for (int permission : held) {
        taken |= fcntl(F_OFD_GETLK, F_WRLCK, NOT_SHARED + permission) != F_UNLCK;
      }
      for (int permission : notShared) {
        taken |= fcntl(F_OFD_GETLK, F_WRLCK, HELD + permission) != F_UNLCK;
      }
      if (!taken) {
        return null;
      }
      unlock();
      return holder();
    } catch (LastErrorException e) {
      // A file system without locks (some network mounts): nothing to respect.
      return null;
    }
  }

  private void unlock() {
    for (int base : new int[] {HELD, NOT_SHARED}) {
      for (int permission = 0; permission <= RESIZE; permission++) {
        fcntl(F_OFD_SETLK, F_UNLCK, base + permission);
      }
    }
  }

  private short fcntl(int command, short type, long at) {
    try (Memory flock = new Memory(32)) {
      flock.clear();
      flock.setShort(0, type);
      flock.setLong(8, at);
      flock.setLong(16, 1);
      libc.fcntl(fd, command, flock);
      return flock.getShort(0);
    }
  }

  /** Looks through the processes for another one that has the file open. */
  private String holder() {
    long self = ProcessHandle.current().pid();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[1-9]*")) {
      Object key = Files.readAttributes(path, "unix:ino,dev").toString();
      for (Path process : processes) {
        if (process.getFileName().toString().equals(Long.toString(self))) {
          continue;
        }
        if (hasOpen(process, key)) {
          String command = Files.readString(process.resolve("comm")).strip();
          return command + " (process " + process.getFileName() + ")";
        }
      }
    } catch (IOException | RuntimeException e) {
      // Another user's process: it cannot be named.
      return "another program";
    }
    return "this program or one of another user";
  }

  private static boolean hasOpen(Path process, Object key) {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        try {
          if (Files.readAttributes(descriptor, "unix:ino,dev").toString().equals(key)) {
            return true;
          }
        } catch (IOException | RuntimeException e) {
          // Closed in the meantime, or a pipe.
          continue;
        }
      }
    } catch (IOException | RuntimeException e) {
      return false;
    }
    return false;
  }

  boolean punchHole(long offset, long length) {
    return fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  boolean reserve(long offset, long length) {
    return fallocate(0, offset, length);
  }

  private boolean fallocate(int mode, long offset, long length) {
    while (true) {
      try {
        libc.fallocate(fd, mode, offset, length);
        return true;
      } catch (LastErrorException e) {
        if (e.getErrorCode() != EINTR) {
          return false;
        }
      }
    }
  }

  /** Whether a range inside the file is data or a hole; null when the file system does not say. */
  @Nullable Extent extent(long offset, long length) {
    try {
      long data = libc.lseek(fd, offset, SEEK_DATA);
      if (data > offset) {
        return new Extent(Math.min(length, data - offset), Kind.ZERO);
      }
      long hole = libc.lseek(fd, offset, SEEK_HOLE);
      return new Extent(Math.min(length, hole - offset), Kind.DATA);
    } catch (LastErrorException e) {
      return e.getErrorCode() == ENXIO ? new Extent(length, Kind.ZERO) : null;
    }
  }

  /** The bytes that the file takes on its disk, or -1. */
  long allocated() {
    // struct stat has st_blocks at byte 64 on x86-64 and on arm64; it is at most 144 bytes long.
    try (Memory stat = new Memory(256)) {
      libc.fstat(fd, stat);
      return stat.getLong(64) * 512;
    } catch (LastErrorException | UnsatisfiedLinkError e) {
      return -1;
    }
  }

  static boolean isNoSpace(IOException e) {
    String message = e.getMessage();
    return message != null && message.contains("No space left")
        || e.getCause() instanceof LastErrorException last && last.getErrorCode() == ENOSPC;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      libc.close(fd);
    }
  }
}
