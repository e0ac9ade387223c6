package io.satchel.image.format.qcow2;

import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A lock that a reader can do without: it notes the sequence number, reads, and if the number is
 * still the same, nobody has changed anything meanwhile. Otherwise what it read is worth nothing,
 * and it takes {@link #shared()}. Changes are made between {@link #lock()} and {@link #unlock()}.
 */
final class SequenceLock {
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  /** Odd while there is a change under way. Written by the holder of the write lock only. */
  private volatile long sequence;

  /** The lock of those who change nothing that a reader relies on. */
  Lock shared() {
    return lock.readLock();
  }

  /** Takes the lock for a change. It may be taken again by its holder. */
  void lock() {
    lock.writeLock().lock();
    if (lock.getWriteHoldCount() == 1) {
      sequence = sequence + 1;
      // Nobody may see the change before the number.
      VarHandle.fullFence();
    }
  }

  void unlock() {
    if (lock.getWriteHoldCount() == 1) {
      sequence = sequence + 1;
    }
    lock.writeLock().unlock();
  }

  /** The number to compare with; odd when reading is of no use now. */
  long sequence() {
    return sequence;
  }

  /** Whether what was read since {@link #sequence()} gave that number is to be believed. */
  boolean unchangedSince(long noted) {
    VarHandle.acquireFence();
    return sequence == noted;
  }
}
