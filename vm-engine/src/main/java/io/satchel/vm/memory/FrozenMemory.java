package io.satchel.vm.memory;

import static io.satchel.vm.memory.GuestMemory.PAGE_BITS;
import static io.satchel.vm.memory.GuestMemory.PAGE_SIZE;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The content of guest memory at one moment, read by another thread while the guest goes on.
 *
 * <p>Each page is handed out once. The reader takes them in order; a page that the guest is about
 * to write is copied aside first and handed out next. A guest that writes faster than the reader
 * takes is held up when {@value #MOST_ASIDE} pages lie aside, so the copies stay bounded.
 */
public final class FrozenMemory {

  /** Pages that may lie aside: 64 MiB. */
  static final int MOST_ASIDE = 16_384;

  private static final VarHandle STATE = MethodHandles.arrayElementVarHandle(byte[].class);

  private static final byte UNSAVED = 0;

  /** Whoever set this copies the page at this moment. */
  private static final byte TAKEN = 1;

  private static final byte DONE = 2;

  private record Aside(int page, byte[] content) {}

  private final GuestMemory memory;
  private final byte[] states;
  private final ConcurrentLinkedQueue<Aside> aside = new ConcurrentLinkedQueue<>();
  private final AtomicInteger lyingAside = new AtomicInteger();

  /** Pages that the guest wrote for the first time ever: they held zeros. */
  private final AtomicInteger untouched = new AtomicInteger();

  private volatile boolean ended;

  // The reader's own.
  private volatile int cursor;
  private int handed;

  FrozenMemory(GuestMemory memory) {
    this.memory = memory;
    states = new byte[memory.pages()];
  }

  /** Pages in all. */
  public int pages() {
    return states.length;
  }

  /**
   * A page is about to be written; called by who holds the machine.
   *
   * @return false when nobody reads any more
   */
  boolean beforeWrite(int page) {
    if (ended) {
      return false;
    }
    if (page >= states.length || (byte) STATE.getAcquire(states, page) == DONE) {
      return true;
    }
    if (!STATE.compareAndSet(states, page, UNSAVED, TAKEN)) {
      // The reader is copying it, which takes less than a microsecond if it has a processor.
      while ((byte) STATE.getAcquire(states, page) != DONE && !ended) {
        Thread.yield();
      }
      return true;
    }
    if (memory.everWritten(page)) {
      byte[] content = new byte[PAGE_SIZE];
      memory.read(page << PAGE_BITS, content, 0, PAGE_SIZE);
      lyingAside.incrementAndGet();
      aside.add(new Aside(page, content));
    } else {
      untouched.incrementAndGet();
    }
    STATE.setRelease(states, page, DONE);
    while (lyingAside.get() > MOST_ASIDE && !ended) {
      LockSupport.parkNanos(this, 100_000);
    }
    return true;
  }

  /**
   * Copies the next page into {@code target}, for one reader. Pages that hold zeros may be left
   * out.
   *
   * @return the page's number, or -1 when all were handed out
   */
  public int take(byte[] target, int offset) {
    while (!ended) {
      Aside copy = aside.poll();
      if (copy != null) {
        lyingAside.decrementAndGet();
        handed++;
        System.arraycopy(copy.content, 0, target, offset, PAGE_SIZE);
        return copy.page;
      }
      if (cursor < states.length) {
        int page = cursor;
        cursor = page + 1;
        if (STATE.compareAndSet(states, page, UNSAVED, TAKEN)) {
          memory.read(page << PAGE_BITS, target, offset, PAGE_SIZE);
          STATE.setRelease(states, page, DONE);
          handed++;
          return page;
        }
      } else if (handed + untouched.get() == states.length) {
        end();
      } else {
        // The guest's thread is between its copy and the queue.
        LockSupport.parkNanos(this, 50_000);
      }
    }
    return -1;
  }

  /** How far the reader is, 0 to 1; from any thread. */
  public double progress() {
    return states.length == 0 ? 1 : (double) cursor / states.length;
  }

  /** Nobody reads any more: the guest writes freely again. */
  public void end() {
    ended = true;
    aside.clear();
  }
}
