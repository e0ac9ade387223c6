package io.satchel.app.headless;

import io.satchel.vm.host.Key;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** One step of a headless run's script; the steps are done in the order of the command line. */
public sealed interface Step {

  /** Waits until {@code text} is on the text screen or comes out of the serial port. */
  record Expect(String text) implements Step {}

  /** Types on the keyboard. */
  record Type(String text) implements Step {}

  /** Holds keys together and lets them go. */
  record Chord(List<Key> keys) implements Step {
    public Chord {
      keys = List.copyOf(keys);
    }
  }

  /**
   * Moves the mouse and clicks there.
   *
   * @param dx counts to the right
   * @param dy counts down
   * @param buttons pressed and let go behind the move: bit 0 left, 1 right, 2 middle; 0 for none
   */
  record Mouse(int dx, int dy, int buttons) implements Step {}

  /** Sends bytes to the serial port. */
  record Send(String text) implements Step {}

  /** Lets virtual time pass. */
  record Pause(Duration time) implements Step {}

  /** Writes the screen as a PNG file. */
  record Screenshot(Path file) implements Step {}

  /** Presses the power button. */
  record PowerButton() implements Step {}

  /** Saves the machine as a snapshot; it stands until that is done. */
  record Save(String name) implements Step {}

  /** Makes the machine what it was when the snapshot was saved. */
  record Restore(String name) implements Step {}
}
