package io.satchel.app.machine;

import io.satchel.vm.api.Machine;
import io.satchel.vm.host.UsKeyboard;
import io.satchel.vm.host.UsKeyboard.Stroke;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/** Types text on a machine's keyboard, no faster than a guest reads it. */
final class Typist {

  /**
   * A key event each 25 ms of virtual time: guests that poll lose keys that come faster than the
   * firmware's buffer of 16 keys drains.
   */
  private static final long STROKE_NANOS = Duration.ofMillis(25).toNanos();

  private final Machine machine;
  private final AtomicBoolean active = new AtomicBoolean();
  private final Queue<Stroke> strokes = new ConcurrentLinkedQueue<>();

  Typist(Machine machine) {
    this.machine = machine;
  }

  /**
   * Types {@code text} after what is being typed.
   *
   * @return how many of its characters the keyboard does not have; those are left out
   */
  int type(String text) {
    String plain = text.replace("\r\n", "\n").replace('\r', '\n');
    strokes.addAll(UsKeyboard.strokes(plain));
    if (active.compareAndSet(false, true)) {
      next();
    }
    return (int) plain.chars().filter(c -> !UsKeyboard.canType(String.valueOf((char) c))).count();
  }

  boolean typing() {
    return !strokes.isEmpty();
  }

  /** Leaves the rest out, and lets go of a key that is held. */
  void stop() {
    strokes.removeIf(Stroke::down);
  }

  private void next() {
    machine.at(machine.status().virtualNanos() + STROKE_NANOS, this::stroke);
  }

  private void stroke() {
    Stroke stroke = strokes.poll();
    if (stroke != null) {
      machine.key(stroke.key(), stroke.down());
      next();
      return;
    }
    active.set(false);
    // What was added since the queue was found empty.
    if (!strokes.isEmpty() && active.compareAndSet(false, true)) {
      next();
    }
  }
}
