package io.satchel.image.file;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file of the host. An interrupted thread does not lose it: Java closes a channel whose user is
 * interrupted, so it is opened again and the request repeated, and the interrupt stays pending.
 */
public final class HostFile implements Storage {
  /** Where other systems than Linux hold the lock: past what any image reaches. */
  private static final long FALLBACK_LOCK = 1L << 62;

  /** How a file is locked against other programs. */
  public enum Locking {
    /** As QEMU does: readers share, a writer is alone. */
    YES,
    /** Not at all; for files that only this program knows, and to look at one in use. */
    NO
  }

  private final Path path;
  private final boolean readOnly;
  private final @Nullable LinuxFile linux;
  private final Object reopening = new Object();
  private volatile FileChannel channel;
  private volatile boolean closed;

  private HostFile(Path path, boolean readOnly, FileChannel channel, @Nullable LinuxFile linux) {
    this.path = path;
    this.readOnly = readOnly;
    this.channel = channel;
    this.linux = linux;
  }

  /**
   * Opens an existing file.
   *
   * @throws ImageException if it is missing, a directory, not readable (or writable), or in use
   */
  public static HostFile open(Path path, boolean writable, Locking locking) throws IOException {
    if (Files.isDirectory(path)) {
      throw new ImageException(
          ImageException.Kind.DIRECTORY, path, "is a folder", "choose the image file inside it");
    }
    return open(
        path,
        writable
            ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
            : Set.of(StandardOpenOption.READ),
        locking);
  }

  /** Makes a file that does not exist yet, for reading and writing, and locks it. */
  public static HostFile create(Path path) throws IOException {
    return open(
        path,
        Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
        Locking.YES);
  }

  private static HostFile open(Path path, Set<? extends OpenOption> options, Locking locking)
      throws IOException {
    boolean writable = options.contains(StandardOpenOption.WRITE);
    FileChannel channel;
    try {
      channel = FileChannel.open(path, options);
    } catch (NoSuchFileException e) {
      throw new ImageException(
          ImageException.Kind.MISSING,
          path,
          "does not exist",
          "check the name, or whether the disk that holds it is connected",
          -1,
          e);
    } catch (AccessDeniedException e) {
      throw new ImageException(
          ImageException.Kind.UNREADABLE,
          path,
          writable ? "may not be written by you" : "may not be read by you",
          "change its permissions, or copy it to a folder of yours",
          -1,
          e);
    } catch (FileAlreadyExistsException e) {
      throw new ImageException(
          ImageException.Kind.EXISTS, path, "exists already", "choose another name", -1, e);
    } catch (IOException e) {
      throw new ImageException(
          ImageException.Kind.UNREADABLE,
          path,
          "cannot be opened (" + reason(e) + ")",
          "check the disk that holds it",
          -1,
          e);
    }
    LinuxFile linux = LinuxFile.open(path, writable);
    try {
      HostFile file = new HostFile(path, !writable, channel, linux);
      if (locking == Locking.YES) {
        file.lock(writable);
      }
      return file;
    } catch (IOException | RuntimeException e) {
      channel.close();
      if (linux != null) {
        linux.close();
      }
      throw e;
    }
  }

  private void lock(boolean writable) throws IOException {
    String holder = null;
    if (linux != null) {
      holder = linux.lock(writable);
    } else {
      try {
        FileLock lock = channel.tryLock(FALLBACK_LOCK, 1, !writable);
        holder = lock == null ? "another program" : null;
      } catch (OverlappingFileLockException e) {
        // Java counts its own shared locks as overlapping too; only a writer must be alone.
        holder = writable ? "this program" : null;
      } catch (IOException e) {
        // A file system without locks: nothing to respect.
        holder = null;
      }
    }
    if (holder != null) {
      throw new ImageException(
          ImageException.Kind.IN_USE,
          path,
          "is in use by " + holder,
          "close it there, or make a copy");
    }
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }

  /** The file's path. */
  @Override
  public Path path() {
    return path;
  }

  @Override
  public String name() {
    return path.toString();
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  /** A request on the channel. */
  private interface Request {
    long run(FileChannel channel) throws IOException;
  }

  private long perform(Request request) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        FileChannel current = channel;
        try {
          return request.run(current);
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
          reopen(current);
        } catch (AsynchronousCloseException e) {
          reopen(current);
        } catch (ClosedChannelException e) {
          reopen(current);
        } catch (IOException e) {
          if (LinuxFile.isNoSpace(e)) {
            throw new ImageException(
                ImageException.Kind.NO_SPACE,
                path,
                "cannot grow because the disk that holds it is full",
                "free some space and try again",
                -1,
                e);
          }
          throw new ImageException(
              ImageException.Kind.UNREADABLE,
              path,
              "could not be read or written (" + reason(e) + ")",
              "check the disk that holds it",
              -1,
              e);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void reopen(FileChannel lost) throws IOException {
    synchronized (reopening) {
      if (closed) {
        throw new ClosedChannelException();
      }
      if (channel == lost) {
        channel =
            readOnly
                ? FileChannel.open(path, StandardOpenOption.READ)
                : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
      }
    }
  }

  @Override
  public long size() throws IOException {
    return perform(FileChannel::size);
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    perform(
        c -> {
          target.position(start);
          long at = offset;
          while (target.hasRemaining()) {
            int n = c.read(target, at);
            if (n < 0) {
              Zeros.fill(target);
              break;
            }
            at += n;
          }
          return 0;
        });
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    refuseIfReadOnly();
    int start = source.position();
    perform(
        c -> {
          source.position(start);
          long at = offset;
          while (source.hasRemaining()) {
            at += c.write(source, at);
          }
          return 0;
        });
  }

  private void refuseIfReadOnly() throws ImageException {
    if (readOnly) {
      throw new ImageException(
          ImageException.Kind.READ_ONLY, path, "is open for reading only", "open it for writing");
    }
  }

  @Override
  public void setSize(long size) throws IOException {
    refuseIfReadOnly();
    perform(
        c -> {
          long now = c.size();
          if (size < now) {
            c.truncate(size);
          } else if (size > now) {
            // Writing the last byte makes the rest a hole where the host has holes.
            c.write(ByteBuffer.allocate(1), size - 1);
          }
          return 0;
        });
  }

  @Override
  public void flush() throws IOException {
    if (!readOnly) {
      perform(
          c -> {
            c.force(false);
            return 0;
          });
    }
  }

  @Override
  public boolean punchHole(long offset, long length) throws IOException {
    refuseIfReadOnly();
    return linux != null && linux.punchHole(offset, length);
  }

  @Override
  public boolean reserve(long offset, long length) throws IOException {
    refuseIfReadOnly();
    return linux != null && linux.reserve(offset, length);
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    long size = size();
    if (offset >= size) {
      return new Extent(length, Kind.ZERO);
    }
    long inside = Math.min(length, size - offset);
    Extent found = linux == null ? null : linux.extent(offset, inside);
    return found == null ? new Extent(inside, Kind.DATA) : found;
  }

  @Override
  public long allocated() throws IOException {
    long allocated = linux == null ? -1 : linux.allocated();
    return allocated < 0 ? size() : allocated;
  }

  @Override
  public void close() throws IOException {
    synchronized (reopening) {
      closed = true;
      channel.close();
    }
    if (linux != null) {
      linux.close();
    }
  }
}
