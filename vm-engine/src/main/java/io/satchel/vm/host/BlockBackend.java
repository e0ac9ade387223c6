package io.satchel.vm.host;

import io.satchel.image.block.BlockDevice;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A medium in a drive whose content is a {@link BlockDevice}.
 *
 * <p>It works in one of two ways. {@link #threaded}: a thread of the medium's own serves the
 * requests in order and posts each completion to the machine's {@link Inbox}. {@link #immediate}: a
 * request is served while it is submitted and completes as an event of the present moment, so that
 * a run whose clock counts instructions is repeatable. How long a request takes in the guest's eyes
 * is the device model's affair in both.
 */
public final class BlockBackend implements DiskBackend, Closeable {

  /** Bytes moved, for a status line; shared by all media of a machine. */
  public static final class Traffic {
    private final AtomicLong read = new AtomicLong();
    private final AtomicLong written = new AtomicLong();

    /** Bytes read from media since power-on. */
    public long bytesRead() {
      return read.get();
    }

    /** Bytes written to media since power-on. */
    public long bytesWritten() {
      return written.get();
    }
  }

  /** A piece of work on the medium. */
  @FunctionalInterface
  private interface Work {
    void run() throws IOException;
  }

  private record Request(Work work, Consumer<@Nullable IOException> outcome) {}

  /** Delivers a completion to the machine's thread. */
  @FunctionalInterface
  private interface Delivery {
    void deliver(Runnable completion);
  }

  private static final String CLOSED = "the medium has been taken out of its drive";

  private final BlockDevice medium;
  private final Traffic traffic;
  private final Delivery delivery;
  private final LinkedBlockingQueue<Request> queue = new LinkedBlockingQueue<>();
  private final @Nullable Thread worker;
  private Consumer<IOException> failures = failure -> {};
  private int outstanding;
  private boolean closed;

  private BlockBackend(
      BlockDevice medium, Traffic traffic, Delivery delivery, @Nullable String threadName) {
    this.medium = medium;
    this.traffic = traffic;
    this.delivery = delivery;
    worker =
        threadName == null
            ? null
            : Thread.ofPlatform().daemon().name("satchel-" + threadName).start(this::serve);
  }

  /**
   * Serves requests on a thread of its own.
   *
   * @param name of the drive, for the thread's name
   */
  public static BlockBackend threaded(
      BlockDevice medium, String name, Traffic traffic, Inbox inbox) {
    return new BlockBackend(medium, traffic, inbox::post, name);
  }

  /** Serves requests at once, for repeatable runs. */
  public static BlockBackend immediate(
      BlockDevice medium, Traffic traffic, EventQueue events, VirtualClock clock) {
    return new BlockBackend(
        medium,
        traffic,
        completion -> events.at(clock.nanos(), "disk completion", completion),
        null);
  }

  /** {@code listener} is told, on the machine's thread, why a request failed. */
  public void onFailure(Consumer<IOException> listener) {
    failures = listener;
  }

  @Override
  public long size() {
    return medium.size();
  }

  @Override
  public boolean readOnly() {
    return medium.readOnly();
  }

  @Override
  public void read(long offset, byte[] target, int from, int length, Completion done) {
    submit(() -> readMedium(offset, target, from, length), done);
  }

  @Override
  public void write(long offset, byte[] source, int from, int length, Completion done) {
    submit(() -> writeMedium(offset, source, from, length), done);
  }

  @Override
  public void flush(Completion done) {
    submit(medium::flush, done);
  }

  @Override
  public void discard(long offset, long length, Completion done) {
    submit(() -> medium.discard(offset, length), done);
  }

  @Override
  public void readNow(long offset, byte[] target, int from, int length) throws IOException {
    checkOpen();
    await(() -> readMedium(offset, target, from, length));
  }

  @Override
  public void writeNow(long offset, byte[] source, int from, int length) throws IOException {
    checkOpen();
    await(() -> writeMedium(offset, source, from, length));
  }

  private void readMedium(long offset, byte[] target, int from, int length) throws IOException {
    medium.read(offset, ByteBuffer.wrap(target, from, length));
    traffic.read.addAndGet(length);
  }

  private void writeMedium(long offset, byte[] source, int from, int length) throws IOException {
    medium.write(offset, ByteBuffer.wrap(source, from, length));
    traffic.written.addAndGet(length);
  }

  /** What is in the drive. */
  public BlockDevice medium() {
    return medium;
  }

  /** Requests whose completion has not been delivered yet; on the machine's thread. */
  public int outstanding() {
    return outstanding;
  }

  private void submit(Work work, Completion done) {
    outstanding++;
    Consumer<@Nullable IOException> outcome =
        failure -> delivery.deliver(() -> complete(failure, done));
    if (closed) {
      outcome.accept(new IOException(CLOSED));
    } else if (worker == null) {
      outcome.accept(attempt(work));
    } else {
      queue.add(new Request(work, outcome));
    }
  }

  private void complete(@Nullable IOException failure, Completion done) {
    outstanding--;
    if (failure != null) {
      failures.accept(failure);
    }
    done.done(failure == null);
  }

  private void checkOpen() throws IOException {
    if (closed) {
      throw new IOException(CLOSED);
    }
  }

  /** Runs in the queue's order, so that earlier writes are seen, and waits. */
  private void await(Work work) throws IOException {
    CompletableFuture<@Nullable IOException> answer = new CompletableFuture<>();
    if (worker == null) {
      answer.complete(attempt(work));
    } else {
      queue.add(new Request(work, answer::complete));
    }
    try {
      IOException failure = answer.get();
      if (failure != null) {
        throw failure;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException)
          new InterruptedIOException("the disk request was interrupted").initCause(e);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    }
  }

  /** A defect in a format's code must fail the one request, not end the thread that serves all. */
  private static @Nullable IOException attempt(Work work) {
    try {
      work.run();
      return null;
    } catch (IOException e) {
      return e;
    } catch (RuntimeException e) {
      return new IOException("the disk image could not be accessed: " + e, e);
    }
  }

  private void serve() {
    while (true) {
      try {
        Request request = queue.take();
        request.outcome.accept(attempt(request.work));
      } catch (InterruptedException e) {
        // Only close() interrupts, and only when the queue is empty.
        return;
      }
    }
  }

  /** Waits for what was submitted, flushes and closes the medium. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try (medium) {
      if (!medium.readOnly()) {
        await(medium::flush);
      } else {
        await(() -> {});
      }
    } finally {
      if (worker != null) {
        worker.interrupt();
      }
    }
  }
}
