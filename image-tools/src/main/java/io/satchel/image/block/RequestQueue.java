package io.satchel.image.block;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Requests that the caller does not wait for. Several run at a time and in any order; a flush is a
 * barrier: it begins when everything asked before it is done, and what is asked after it begins
 * when it is done. Closing waits for all and leaves the disk open.
 */
public final class RequestQueue implements AutoCloseable {
  private final BlockDevice disk;
  private final ExecutorService workers;
  private final Deque<Entry> waiting = new ArrayDeque<>();
  private int running;
  private boolean flushing;

  /** A request that may fail. */
  private interface Work {
    void run() throws IOException;
  }

  private record Entry(Work work, boolean barrier, CompletableFuture<Void> done) {}

  /** A queue with so many requests under way at a time. */
  public RequestQueue(BlockDevice disk, int depth) {
    this.disk = disk;
    workers =
        Executors.newFixedThreadPool(
            depth, Thread.ofPlatform().daemon().name("disk-", 0).factory());
  }

  /** The buffer belongs to the queue until the result is there. */
  public CompletableFuture<Void> read(long offset, ByteBuffer target) {
    return add(() -> disk.read(offset, target), false);
  }

  /** The buffer belongs to the queue until the result is there. */
  public CompletableFuture<Void> write(long offset, ByteBuffer source) {
    return add(() -> disk.write(offset, source), false);
  }

  /** As {@link BlockDevice#discard}. */
  public CompletableFuture<Void> discard(long offset, long length) {
    return add(() -> disk.discard(offset, length), false);
  }

  /** Done when every write asked for before is on the medium. */
  public CompletableFuture<Void> flush() {
    return add(disk::flush, true);
  }

  private CompletableFuture<Void> add(Work work, boolean barrier) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    synchronized (this) {
      waiting.add(new Entry(work, barrier, done));
      start();
    }
    return done;
  }

  /** Starts what may start; the lock is held. */
  private void start() {
    while (!flushing && !waiting.isEmpty()) {
      Entry next = waiting.element();
      if (next.barrier && running > 0) {
        return;
      }
      waiting.remove();
      flushing = next.barrier;
      running++;
      workers.execute(() -> run(next));
    }
  }

  private void run(Entry entry) {
    Throwable problem = null;
    try {
      entry.work.run();
    } catch (IOException | RuntimeException e) {
      problem = e;
    }
    synchronized (this) {
      running--;
      if (entry.barrier) {
        flushing = false;
      }
      start();
      notifyAll();
    }
    if (problem == null) {
      entry.done.complete(null);
    } else {
      entry.done.completeExceptionally(problem);
    }
  }

  @Override
  public void close() {
    boolean interrupted = false;
    synchronized (this) {
      while (running > 0 || !waiting.isEmpty()) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    workers.shutdown();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
