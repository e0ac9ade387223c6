package io.satchel.image.file;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.WriteLog.Change;
import io.satchel.image.file.WriteLog.Type;
import java.nio.ByteBuffer;
import java.util.function.IntPredicate;

/** A file in memory that remembers every change in order, and so what any crash would leave. */
public final class LoggedStorage implements Storage {
  private static final long MAX_SIZE = 1 << 28;

  private final WriteLog.Remains now;
  private final WriteLog log = new WriteLog();

  /** An empty file. */
  public LoggedStorage() {
    this(new WriteLog.Remains());
  }

  private LoggedStorage(WriteLog.Remains now) {
    this.now = now;
  }

  /** What was done to it. */
  public WriteLog log() {
    return log;
  }

  private byte[] content() {
    return now.content(0);
  }

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public long size() {
    return content().length;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    int inside = (int) Math.max(0, Math.min(target.remaining(), content().length - offset));
    if (inside > 0) {
      target.put(content(), (int) offset, inside);
    }
    target.put(new byte[target.remaining()]);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws ImageException {
    refuseIfTooLong(offset + source.remaining());
    byte[] bytes = new byte[source.remaining()];
    source.get(bytes);
    apply(new Change(offset, bytes, Type.WRITE));
  }

  @Override
  public void setSize(long size) throws ImageException {
    refuseIfTooLong(size);
    apply(new Change(size, new byte[0], Type.SIZE));
  }

  @Override
  public void flush() {
    apply(new Change(0, new byte[0], Type.FLUSH));
  }

  @Override
  public boolean punchHole(long offset, long length) throws ImageException {
    // A hole is a change too, and it may reach the medium or not.
    write(offset, ByteBuffer.allocate((int) Math.min(length, content().length - offset)));
    return true;
  }

  @Override
  public Extent extent(long offset, long length) {
    return new Extent(length, Kind.DATA);
  }

  @Override
  public void close() {
    // It is still to be looked at.
  }

  /** A disk of the host that is soon full: a damaged image may ask for any place. */
  private static void refuseIfTooLong(long end) throws ImageException {
    if (end > MAX_SIZE) {
      throw new ImageException(
          ImageException.Kind.NO_SPACE, "memory", "cannot grow", "free some space");
    }
  }

  private void apply(Change change) {
    log.add(change);
    now.apply(change);
  }

  /** What is left after the first {@code changes} changes and {@code sectors} of the next. */
  public LoggedStorage crashed(int changes, int sectors) {
    return new LoggedStorage(log.crashed(changes, sectors));
  }

  /** As {@link #crashed}, with the changes since the last flush arriving only where kept. */
  public LoggedStorage crashedOutOfOrder(int changes, IntPredicate kept) {
    return new LoggedStorage(log.crashedOutOfOrder(changes, kept));
  }
}
