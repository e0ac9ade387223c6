package io.satchel.vm.time;

import java.util.PriorityQueue;

/**
 * What is to happen at a moment of virtual time. Events fire in order of time, then of name, then
 * of entry; the callback runs under the machine's lock.
 */
public final class EventQueue {

  /** Something to happen once. */
  public static final class Event implements Comparable<Event> {
    private final long time;
    private final String name;
    private final long sequence;
    private final Runnable callback;
    private boolean pending = true;

    private Event(long time, String name, long sequence, Runnable callback) {
      this.time = time;
      this.name = name;
      this.sequence = sequence;
      this.callback = callback;
    }

    /** When it is due, in nanoseconds of virtual time. */
    public long time() {
      return time;
    }

    /** Whether it has neither fired nor been cancelled. */
    public boolean pending() {
      return pending;
    }

    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(time, other.time);
      if (byTime != 0) {
        return byTime;
      }
      int byName = name.compareTo(other.name);
      return byName != 0 ? byName : Long.compare(sequence, other.sequence);
    }

    @Override
    public String toString() {
      return name + "@" + time;
    }
  }

  /** The time of an empty queue's next event. */
  public static final long NEVER = Long.MAX_VALUE;

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private long sequence;
  private Runnable sooner = () -> {};

  /**
   * {@code listener} is told when a new event is due before all others, so that a running processor
   * can be stopped in time.
   */
  public void onSooner(Runnable listener) {
    sooner = listener;
  }

  /**
   * Enters an event for {@code time} (nanoseconds of virtual time); one in the past fires at the
   * next opportunity.
   */
  public Event at(long time, String name, Runnable callback) {
    boolean first = time < next();
    Event event = new Event(time, name, sequence++, callback);
    events.add(event);
    if (first) {
      sooner.run();
    }
    return event;
  }

  /** Takes an event out; nothing happens if it has fired already. */
  public void cancel(Event event) {
    if (event.pending) {
      event.pending = false;
      events.remove(event);
    }
  }

  /** When the next event is due, or {@link #NEVER}. */
  public long next() {
    Event head = events.peek();
    return head == null ? NEVER : head.time;
  }

  /**
   * Fires, in order, what is due at {@code now}, also what the fired events enter for {@code now}
   * or before.
   */
  public void runDue(long now) {
    for (Event head = events.peek(); head != null && head.time <= now; head = events.peek()) {
      events.remove();
      head.pending = false;
      head.callback.run();
    }
  }
}
