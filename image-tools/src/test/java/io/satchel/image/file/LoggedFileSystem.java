package io.satchel.image.file;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.satchel.image.file.WriteLog.Change;
import io.satchel.image.file.WriteLog.Type;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.StandardOpenOption;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A folder in memory whose changes are remembered in order: writes, sizes, flushes, new names. The
 * program works on it as on any other.
 */
public final class LoggedFileSystem extends FileSystem {
  private final FileSystem disk =
      Jimfs.newFileSystem(Configuration.unix().toBuilder().setWorkingDirectory("/work").build());
  private final Provider provider = new Provider();
  private final WriteLog log = new WriteLog();
  private final Map<String, Integer> files = new HashMap<>();
  private int next;

  /** What was done. */
  public WriteLog log() {
    return log;
  }

  /** A folder with those files. */
  public static LoggedFileSystem of(Map<String, byte[]> files) throws IOException {
    LoggedFileSystem system = new LoggedFileSystem();
    for (Map.Entry<String, byte[]> each : files.entrySet()) {
      Files.write(system.getPath(each.getKey()), each.getValue());
    }
    return system;
  }

  private synchronized void changed(Path file, long offset, byte[] bytes, Type type) {
    String name = name(file);
    if (type == Type.CREATE) {
      files.put(name, next++);
    }
    Integer number = files.get(name);
    log.add(new Change(number == null ? -1 : number, offset, bytes, type, name));
    if (type == Type.DELETE) {
      files.remove(name);
    }
  }

  private synchronized void renamed(Path from, Path to) {
    Integer number = files.remove(name(from));
    files.put(name(to), number);
    log.add(new Change(number, 0, new byte[0], Type.RENAME, name(to)));
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }

  private Path wrapped(Path path) {
    return new Place(path);
  }

  private static Path bare(Path path) {
    return path instanceof Place place ? place.path : path;
  }

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  @Override
  public void close() throws IOException {
    disk.close();
  }

  @Override
  public boolean isOpen() {
    return disk.isOpen();
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public String getSeparator() {
    return disk.getSeparator();
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return disk.getFileStores();
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return disk.supportedFileAttributeViews();
  }

  @Override
  public Path getPath(String first, String... more) {
    return wrapped(disk.getPath(first, more));
  }

  @Override
  public PathMatcher getPathMatcher(String pattern) {
    PathMatcher matcher = disk.getPathMatcher(pattern);
    return path -> matcher.matches(bare(path));
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    return disk.getUserPrincipalLookupService();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException();
  }

  /** A path that leads back to this file system. */
  private final class Place implements Path {
    private final Path path;

    Place(Path path) {
      this.path = path;
    }

    private @Nullable Path orNull(@Nullable Path other) {
      return other == null ? null : wrapped(other);
    }

    @Override
    public FileSystem getFileSystem() {
      return LoggedFileSystem.this;
    }

    @Override
    public boolean isAbsolute() {
      return path.isAbsolute();
    }

    @Override
    public @Nullable Path getRoot() {
      return orNull(path.getRoot());
    }

    @Override
    public @Nullable Path getFileName() {
      return orNull(path.getFileName());
    }

    @Override
    public @Nullable Path getParent() {
      return orNull(path.getParent());
    }

    @Override
    public int getNameCount() {
      return path.getNameCount();
    }

    @Override
    public Path getName(int index) {
      return wrapped(path.getName(index));
    }

    @Override
    public Path subpath(int from, int to) {
      return wrapped(path.subpath(from, to));
    }

    @Override
    public boolean startsWith(Path other) {
      return path.startsWith(bare(other));
    }

    @Override
    public boolean endsWith(Path other) {
      return path.endsWith(bare(other));
    }

    @Override
    public Path normalize() {
      return wrapped(path.normalize());
    }

    @Override
    public Path resolve(Path other) {
      return wrapped(path.resolve(bare(other)));
    }

    @Override
    public Path relativize(Path other) {
      return wrapped(path.relativize(bare(other)));
    }

    @Override
    public URI toUri() {
      return path.toUri();
    }

    @Override
    public Path toAbsolutePath() {
      return wrapped(path.toAbsolutePath());
    }

    @Override
    public Path toRealPath(LinkOption... options) throws IOException {
      return wrapped(path.toRealPath(options));
    }

    @Override
    public WatchKey register(
        WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int compareTo(Path other) {
      return path.compareTo(bare(other));
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Place place && path.equals(place.path);
    }

    @Override
    public int hashCode() {
      return path.hashCode();
    }

    @Override
    public String toString() {
      return path.toString();
    }
  }

  /** Passes everything on, and remembers what changes something. */
  private final class Provider extends FileSystemProvider {
    private final FileSystemProvider below = disk.provider();

    @Override
    public String getScheme() {
      return "logged";
    }

    @Override
    public FileSystem newFileSystem(URI uri, Map<String, ?> environment) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileSystem getFileSystem(URI uri) {
      return LoggedFileSystem.this;
    }

    @Override
    public Path getPath(URI uri) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel newFileChannel(
        Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
        throws IOException {
      boolean before = Files.exists(bare(path));
      FileChannel channel = below.newFileChannel(bare(path), options, attributes);
      if (!before) {
        changed(path, 0, new byte[0], Type.CREATE);
      } else if (options.contains(StandardOpenOption.TRUNCATE_EXISTING)) {
        changed(path, 0, new byte[0], Type.SIZE);
      }
      return new Channel(path, channel);
    }

    @Override
    public SeekableByteChannel newByteChannel(
        Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
        throws IOException {
      return newFileChannel(path, options, attributes);
    }

    @Override
    public DirectoryStream<Path> newDirectoryStream(
        Path folder, DirectoryStream.Filter<? super Path> filter) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void createDirectory(Path folder, FileAttribute<?>... attributes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void delete(Path path) throws IOException {
      below.delete(bare(path));
      changed(path, 0, new byte[0], Type.DELETE);
    }

    @Override
    public void copy(Path source, Path target, CopyOption... options) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void move(Path source, Path target, CopyOption... options) throws IOException {
      below.move(bare(source), bare(target), options);
      renamed(source, target);
    }

    @Override
    public boolean isSameFile(Path one, Path other) throws IOException {
      return below.isSameFile(bare(one), bare(other));
    }

    @Override
    public boolean isHidden(Path path) {
      return false;
    }

    @Override
    public FileStore getFileStore(Path path) throws IOException {
      return below.getFileStore(bare(path));
    }

    @Override
    public void checkAccess(Path path, AccessMode... modes) throws IOException {
      below.checkAccess(bare(path), modes);
    }

    @Override
    public <V extends FileAttributeView> @Nullable V getFileAttributeView(
        Path path, Class<V> type, LinkOption... options) {
      return below.getFileAttributeView(bare(path), type, options);
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(
        Path path, Class<A> type, LinkOption... options) throws IOException {
      return below.readAttributes(bare(path), type, options);
    }

    @Override
    public Map<String, Object> readAttributes(Path path, String names, LinkOption... options)
        throws IOException {
      return below.readAttributes(bare(path), names, options);
    }

    @Override
    public void setAttribute(Path path, String name, Object value, LinkOption... options) {
      throw new UnsupportedOperationException();
    }
  }

  /** An open file. */
  private final class Channel extends FileChannel {
    private final Path path;
    private final FileChannel below;

    Channel(Path path, FileChannel below) {
      this.path = path;
      this.below = below;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
      return below.read(target);
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
      return below.read(targets, offset, length);
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return below.read(target, position);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      int n = write(source, below.position());
      below.position(below.position() + n);
      return n;
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
      long n = 0;
      for (int i = offset; i < offset + length; i++) {
        n += write(sources[i]);
      }
      return n;
    }

    @Override
    public int write(ByteBuffer source, long position) throws IOException {
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      changed(path, position, bytes, Type.WRITE);
      return below.write(ByteBuffer.wrap(bytes), position);
    }

    @Override
    public long position() throws IOException {
      return below.position();
    }

    @Override
    public FileChannel position(long position) throws IOException {
      below.position(position);
      return this;
    }

    @Override
    public long size() throws IOException {
      return below.size();
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
      if (size < below.size()) {
        changed(path, size, new byte[0], Type.SIZE);
      }
      below.truncate(size);
      return this;
    }

    @Override
    public void force(boolean metaData) throws IOException {
      below.force(metaData);
      changed(path, 0, new byte[0], Type.FLUSH);
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target)
        throws IOException {
      return below.transferTo(position, count, target);
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count)
        throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(count, 1 << 20));
      int n = source.read(bytes);
      return n <= 0 ? 0 : write(bytes.flip(), position);
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) throws IOException {
      return Objects.requireNonNull(tryLock(position, size, shared));
    }

    @Override
    public @Nullable FileLock tryLock(long position, long size, boolean shared) throws IOException {
      return below.tryLock(position, size, shared);
    }

    @Override
    protected void implCloseChannel() throws IOException {
      below.close();
    }
  }
}
