package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.file.Storage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A file in memory that remembers every change in order, and so what any crash would leave. */
final class LoggedStorage implements Storage {
  /** A change: bytes at an offset, a new size, or a flush. */
  record Change(long offset, byte[] bytes, Type type) {}

  enum Type {
    WRITE,
    SIZE,
    FLUSH
  }

  private byte[] content = new byte[0];
  final List<Change> log = new ArrayList<>();

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
    return content.length;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    int inside = (int) Math.max(0, Math.min(target.remaining(), content.length - offset));
    if (inside > 0) {
      target.put(content, (int) offset, inside);
    }
    target.put(new byte[target.remaining()]);
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    byte[] bytes = new byte[source.remaining()];
    source.get(bytes);
    apply(new Change(offset, bytes, Type.WRITE));
  }

  @Override
  public void setSize(long size) {
    apply(new Change(size, new byte[0], Type.SIZE));
  }

  @Override
  public void flush() {
    apply(new Change(0, new byte[0], Type.FLUSH));
  }

  @Override
  public boolean punchHole(long offset, long length) {
    // A hole is a change too, and it may reach the medium or not.
    write(offset, ByteBuffer.allocate((int) Math.min(length, content.length - offset)));
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

  private void apply(Change change) {
    log.add(change);
    switch (change.type()) {
      case WRITE -> {
        int end = Math.toIntExact(change.offset() + change.bytes().length);
        if (end > content.length) {
          content = Arrays.copyOf(content, end);
        }
        System.arraycopy(change.bytes(), 0, content, (int) change.offset(), change.bytes().length);
      }
      case SIZE -> content = Arrays.copyOf(content, Math.toIntExact(change.offset()));
      case FLUSH -> {
        return;
      }
    }
  }

  /** What is left after the first {@code changes} changes and {@code sectors} of the next. */
  LoggedStorage crashed(int changes, int sectors) {
    LoggedStorage left = new LoggedStorage();
    for (int i = 0; i < changes; i++) {
      left.apply(log.get(i));
    }
    if (changes < log.size() && sectors > 0) {
      Change torn = log.get(changes);
      if (torn.type() == Type.WRITE) {
        left.apply(
            new Change(
                torn.offset(),
                Arrays.copyOf(torn.bytes(), Math.min(torn.bytes().length, sectors * 512)),
                Type.WRITE));
      }
    }
    left.log.clear();
    return left;
  }

  /** As {@link #crashed}, with the changes since the last flush arriving only where kept. */
  LoggedStorage crashedOutOfOrder(int changes, java.util.function.IntPredicate kept) {
    int flushed = 0;
    for (int i = 0; i < changes; i++) {
      flushed = log.get(i).type() == Type.FLUSH ? i : flushed;
    }
    LoggedStorage left = new LoggedStorage();
    for (int i = 0; i < changes; i++) {
      if (i < flushed || kept.test(i)) {
        left.apply(log.get(i));
      }
    }
    left.log.clear();
    return left;
  }
}
