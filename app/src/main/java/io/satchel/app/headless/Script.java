package io.satchel.app.headless;

import io.satchel.vm.api.Machine;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import io.satchel.vm.host.UsKeyboard;
import io.satchel.vm.host.UsKeyboard.Stroke;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Does a list of {@link Step}s in virtual time, on the machine's thread, so that a run with the
 * instruction clock is the same run each time.
 */
public final class Script {

  /** How often a waiting step looks; a person would not notice. */
  private static final long LOOK_NANOS = Duration.ofMillis(20).toNanos();

  /**
   * A key event each 25 ms of virtual time: 20 characters a second. Guests that poll, such as GRUB,
   * lose keys that come faster than their 16-byte buffer drains.
   */
  private static final long STROKE_NANOS = Duration.ofMillis(25).toNanos();

  /** Counts of the mouse that go into one event: a hand does not move it faster. */
  private static final int MOUSE_STEP = 20;

  private final Machine machine;
  private final ScreenImage screen;
  private final Queue<Step> steps;

  /** What a hand does on keyboard and mouse, one after the other. */
  private final Queue<Runnable> strokes = new ArrayDeque<>();

  private final StringBuilder serial = new StringBuilder();
  private final CompletableFuture<Machine.Status> done = new CompletableFuture<>();
  private int serialSeen;
  private volatile @Nullable Step current;

  public Script(Machine machine, ScreenImage screen, Collection<Step> steps) {
    this.machine = machine;
    this.screen = screen;
    this.steps = new ArrayDeque<>(steps);
  }

  /**
   * Completes when the last step is done, or with the {@link IOException} of the step that failed.
   */
  public CompletableFuture<Machine.Status> done() {
    return done;
  }

  /** The step that is waited for, for a message. */
  public @Nullable Step current() {
    return current;
  }

  /** Begins; the machine need not have been started. */
  public void start() {
    machine.at(0, () -> advance(0));
  }

  /**
   * Looks once more, after the machine has ended, for what the rest of the script waits for: a
   * guest may say its last word and turn off before the next look.
   *
   * @return whether every step is done
   */
  public boolean settle() {
    while (steps.peek() instanceof Step.Expect expect && found(expect.text())) {
      steps.remove();
    }
    current = steps.peek();
    return steps.isEmpty();
  }

  /** A byte came out of the serial port; called on the machine's thread. */
  public void serial(int value) {
    serial.append((char) value);
  }

  private void advance(long now) {
    Runnable stroke = strokes.poll();
    if (stroke != null) {
      stroke.run();
      next(now + STROKE_NANOS);
      return;
    }
    Step step = steps.peek();
    current = step;
    if (step == null) {
      done.complete(machine.status());
      return;
    }
    if (step instanceof Step.Save || step instanceof Step.Restore) {
      snapshot(step);
      return;
    }
    try {
      long wait = perform(step);
      if (wait >= 0) {
        steps.remove();
        next(now + wait);
      } else {
        next(now + LOOK_NANOS);
      }
    } catch (IOException e) {
      done.completeExceptionally(new CompletionException(e));
    }
  }

  /**
   * The rest of the script goes on when the snapshot is saved or restored. The machine stands
   * meanwhile, so that a repeatable run stays one; a restore may set its time back.
   */
  private void snapshot(Step step) {
    CompletableFuture<?> outcome =
        step instanceof Step.Save save
            ? machine.save(save.name()).done()
            : machine.restore(((Step.Restore) step).name());
    machine.pause();
    outcome.whenComplete(
        (nothing, failure) -> {
          if (failure != null) {
            done.completeExceptionally(new CompletionException(failure));
          } else {
            steps.remove();
            machine.at(0, () -> advance(machine.status().virtualNanos()));
            machine.resume();
          }
        });
  }

  private void next(long time) {
    machine.at(time, () -> advance(Math.max(time, machine.status().virtualNanos())));
  }

  /** Does a step; gives how long to wait before the next one, or -1 to look again. */
  private long perform(Step step) throws IOException {
    switch (step) {
      case Step.Expect expect -> {
        return found(expect.text()) ? 0 : -1;
      }
      case Step.Type type -> press(UsKeyboard.strokes(type.text()));
      case Step.Chord chord -> press(UsKeyboard.chord(chord.keys()));
      case Step.Mouse mouse -> move(mouse);
      case Step.Send send -> machine.serialInput(send.text().getBytes(StandardCharsets.ISO_8859_1));
      case Step.Pause pause -> {
        return pause.time().toNanos();
      }
      case Step.Screenshot shot -> screen.writePng(shot.file());
      case Step.PowerButton() -> machine.powerButton();
      case Step.Save _, Step.Restore _ -> throw new IllegalStateException(step.toString());
    }
    return 0;
  }

  private void press(List<Stroke> keys) {
    for (Stroke stroke : keys) {
      strokes.add(() -> machine.key(stroke.key(), stroke.down()));
    }
  }

  private void move(Step.Mouse mouse) {
    int events = Math.ceilDiv(Math.max(Math.abs(mouse.dx()), Math.abs(mouse.dy())), MOUSE_STEP);
    for (int n = 0; n < events; n++) {
      int dx = mouse.dx() * (n + 1) / events - mouse.dx() * n / events;
      int dy = mouse.dy() * (n + 1) / events - mouse.dy() * n / events;
      strokes.add(() -> machine.pointer(dx, dy, 0, 0));
    }
    if (mouse.buttons() != 0) {
      strokes.add(() -> machine.pointer(0, 0, 0, mouse.buttons()));
      strokes.add(() -> machine.pointer(0, 0, 0, 0));
    }
  }

  private boolean found(String text) {
    int at = serial.indexOf(text, serialSeen);
    if (at >= 0) {
      serialSeen = at + text.length();
      return true;
    }
    TextScreen shown = screen.text();
    return shown != null && shown.asText().contains(text);
  }

  /** The keys that {@code text} names, such as {@code ctrl+alt+delete} or {@code f12}. */
  public static List<Key> parseChord(String text) {
    List<Key> keys = new ArrayList<>();
    for (String name : text.toLowerCase(Locale.ROOT).split("\\+")) {
      keys.add(KeyNames.parse(name.strip()));
    }
    return keys;
  }
}
