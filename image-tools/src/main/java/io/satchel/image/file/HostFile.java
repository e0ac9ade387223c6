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
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * A file of the host. An interrupted thread does not lose it: Java closes a channel whose user is
 * interrupted, so it is opened again and the request repeated, and the interrupt stays pending.
 */
public final class HostFile implements Storage {
  /** Where other systems than Linux hold the lock: past what any image reaches. */
  private static final long FALLBACK_LOCK = 1L << 62;

  /** What goes through a buffer of pages in one go. */
  private static final int PAGES = 256 << 10;

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
  private final Handle cached;

  /** Goes past the host's cache; null where that is not asked for or not possible. */
  private final @Nullable Handle direct;

  private final ConcurrentLinkedQueue<ByteBuffer> idlePages = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;

  /** One way to the file's bytes. */
  private static final class Handle {
    final Set<OpenOption> options;
    volatile FileChannel channel;

    Handle(FileChannel channel, OpenOption... options) {
      this.channel = channel;
      this.options = Set.of(options);
    }
  }

  private Locking locking = Locking.NO;

  private HostFile(
      Path path, boolean readOnly, FileChannel channel, boolean direct, @Nullable LinuxFile linux) {
    this.path = path;
    this.readOnly = readOnly;
    this.linux = linux;
    cached =
        readOnly
            ? new Handle(channel, StandardOpenOption.READ)
            : new Handle(channel, StandardOpenOption.READ, StandardOpenOption.WRITE);
    this.direct = direct ? direct(path, readOnly) : null;
  }

  private static @Nullable Handle direct(Path path, boolean readOnly) {
    OpenOption past = pastTheCache();
    if (past == null) {
      return null;
    }
    OpenOption[] options =
        readOnly
            ? new OpenOption[] {StandardOpenOption.READ, past}
            : new OpenOption[] {StandardOpenOption.READ, StandardOpenOption.WRITE, past};
    try {
      if (Pages.SIZE % Files.getFileStore(path).getBlockSize() != 0) {
        return null;
      }
      return new Handle(FileChannel.open(path, options), options);
    } catch (IOException | UnsupportedOperationException e) {
      // Not every file system knows it; then it goes through the cache.
      return null;
    }
  }

  /**
   * ExtendedOpenOption.DIRECT of the module jdk.unsupported, looked up because not every Java has
   * it; null where it is missing.
   */
  private static @Nullable OpenOption pastTheCache() {
    try {
      for (Object each : Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
        if (each instanceof OpenOption option && each.toString().equals("DIRECT")) {
          return option;
        }
      }
    } catch (ClassNotFoundException e) {
      return null;
    }
    return null;
  }

  /**
   * Opens an existing file.
   *
   * @throws ImageException if it is missing, a directory, not readable (or writable), or in use
   */
  public static HostFile open(Path path, boolean writable, Locking locking) throws IOException {
    return open(path, writable, locking, false);
  }

  /**
   * As {@link #open(Path, boolean, Locking)}.
   *
   * @param direct whole blocks go past the host's cache where the host can
   */
  public static HostFile open(Path path, boolean writable, Locking locking, boolean direct)
      throws IOException {
    if (Files.isDirectory(path)) {
      throw new ImageException(
          ImageException.Kind.DIRECTORY, path, "is a folder", "choose the image file inside it");
    }
    return open(
        path,
        writable
            ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
            : Set.of(StandardOpenOption.READ),
        locking,
        direct);
  }

  /** Makes a file that does not exist yet, for reading and writing, and locks it. */
  public static HostFile create(Path path) throws IOException {
    return open(
        path,
        Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
        Locking.YES,
        false);
  }

  private static HostFile open(
      Path path, Set<? extends OpenOption> options, Locking locking, boolean direct)
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
      HostFile file = new HostFile(path, !writable, channel, direct, linux);
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
    locking = Locking.YES;
    String holder = null;
    if (linux != null) {
      holder = linux.lock(writable);
    } else {
      try {
        FileLock lock = cached.channel.tryLock(FALLBACK_LOCK, 1, !writable);
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
    return perform(cached, request);
  }

  private long perform(Handle handle, Request request) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        FileChannel current = handle.channel;
        try {
          return request.run(current);
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
          reopen(handle, current);
        } catch (AsynchronousCloseException e) {
          reopen(handle, current);
        } catch (ClosedChannelException e) {
          reopen(handle, current);
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

  private void reopen(Handle handle, FileChannel lost) throws IOException {
    synchronized (reopening) {
      if (closed) {
        throw new ClosedChannelException();
      }
      if (handle.channel == lost) {
        handle.channel = FileChannel.open(path, handle.options);
      }
    }
  }

  /** Whether it is locked: further files of the same image then are too. */
  public Locking locking() {
    return locking;
  }

  /** Whether a request is made of whole blocks, as the direct way wants them. */
  private static boolean wholeBlocks(long offset, ByteBuffer buffer) {
    return ((offset | buffer.remaining()) & Pages.SIZE - 1) == 0
        && buffer.hasRemaining()
        && buffer.alignmentOffset(buffer.position(), Pages.SIZE) == 0;
  }

  @Override
  public long size() throws IOException {
    return perform(FileChannel::size);
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    if (!target.isDirect() && target.remaining() >= Pages.SIZE) {
      readThroughPages(offset, target);
      return;
    }
    Handle way = direct;
    if (way != null && target.isDirect() && wholeBlocks(offset, target)) {
      perform(way, c -> c.read(target.position(start), offset));
    }
    // All of it, or what lies in the file's last, broken block and past its end.
    int rest = target.position();
    perform(
        c -> {
          target.position(rest);
          long at = offset + rest - start;
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

  /** Java would go through a buffer of its own, which begins on no page. */
  private void readThroughPages(long offset, ByteBuffer target) throws IOException {
    ByteBuffer pages = pages();
    for (long at = offset; target.hasRemaining(); at += pages.limit()) {
      pages.clear().limit(Math.min(PAGES, target.remaining()));
      read(at, pages);
      target.put(pages.flip());
    }
    idlePages.add(pages);
  }

  private ByteBuffer pages() {
    ByteBuffer idle = idlePages.poll();
    return idle == null ? Pages.allocate(PAGES) : idle;
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    refuseIfReadOnly();
    int start = source.position();
    if (!source.isDirect() && source.remaining() >= Pages.SIZE) {
      writeThroughPages(offset, source);
      return;
    }
    Handle way = direct;
    if (way != null && source.isDirect() && wholeBlocks(offset, source)) {
      perform(way, c -> c.write(source.position(start), offset));
    }
    int rest = source.position();
    perform(
        c -> {
          source.position(rest);
          long at = offset + rest - start;
          while (source.hasRemaining()) {
            at += c.write(source, at);
          }
          return 0;
        });
  }

  private void writeThroughPages(long offset, ByteBuffer source) throws IOException {
    ByteBuffer pages = pages();
    for (long at = offset; source.hasRemaining(); at += pages.limit()) {
      int n = Math.min(PAGES, source.remaining());
      pages.clear().put(0, source, source.position(), n).limit(n);
      write(at, pages);
      source.position(source.position() + n);
    }
    idlePages.add(pages);
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
      cached.channel.close();
      if (direct != null) {
        direct.channel.close();
      }
    }
    if (linux != null) {
      linux.close();
    }
  }
}
