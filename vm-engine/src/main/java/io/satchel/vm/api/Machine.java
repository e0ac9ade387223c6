package io.satchel.vm.api;

import io.satchel.image.block.BlockDevice;
import io.satchel.vm.host.AudioSink;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.Screen;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A computer. Its methods may be called from any thread and return at once; what comes of them
 * arrives as {@link MachineEvents}.
 */
public interface Machine extends AutoCloseable {

  /** Presses the power switch of a machine that is off. */
  void start();

  /** Stops the processor and virtual time. */
  void pause();

  /** Goes on after {@link #pause}. */
  void resume();

  /** Presses the reset button. */
  void reset();

  /** Presses the power button: a guest with ACPI shuts down in order. */
  void powerButton();

  /** Ends the machine at once and closes its media. Waits until its thread has ended. */
  @Override
  void close();

  MachineState state();

  /** Shows the picture there, from now on; {@code null} for nowhere. */
  void attach(@Nullable Screen screen);

  /** Plays the sound there. */
  void attach(AudioSink audio);

  /** A key went down or up. */
  void key(Key key, boolean down);

  /**
   * The pointer moved, in mouse counts; y grows downwards.
   *
   * @param wheel notches, positive towards the user
   * @param buttons bit 0 left, 1 right, 2 middle
   */
  void pointer(int dx, int dy, int wheel, int buttons);

  /** Bytes for the guest's first serial port, as fast as it takes them. */
  void serialInput(byte[] bytes);

  /**
   * Puts a medium into a CD (IDE unit) or floppy drive, or takes it out with {@code null}; the old
   * one is closed.
   */
  void changeMedia(MachineConfig.DriveKind kind, int unit, @Nullable BlockDevice media);

  /** Holds the processors to another speed from now on. */
  void hold(MachineConfig.Speed speed);

  /** What the processors are held to. */
  MachineConfig.Speed speed();

  /**
   * Runs {@code action} on the machine's thread at a moment of virtual time (nanoseconds since
   * power-on), so that a script repeats under the instruction clock. It must return at once.
   */
  void at(long virtualNanos, Runnable action);

  /** Begins to measure what the machine's time goes to. Costs little, but not nothing. */
  Meter meter();

  /**
   * What the translator of hot code has done, in lines for a person who looks for speed; empty when
   * there is none. The figures are those of one moment only when the machine has ended.
   */
  default String translation() {
    return "";
  }

  /**
   * Saves the whole machine as a snapshot in its disk images. The computer stands still for some
   * milliseconds and then runs on while its memory is written. The first hard disk (or floppy) in
   * qcow2 format takes the state; every other medium that the computer can write to must be a qcow2
   * image too and gets a snapshot of the same name.
   */
  Saving save(String name);

  /**
   * Makes the machine what it was when the snapshot was saved, its disks included; the present is
   * discarded. Before {@link #start} it makes the machine one that starts from there. Completes
   * when it is done; when it fails with a {@link SnapshotException}, nothing has changed.
   */
  CompletableFuture<Void> restore(String nameOrId);

  /** The snapshots that are in the machine's disks, in the order in which they were saved. */
  CompletableFuture<List<Snapshot>> snapshots();

  /** Removes a snapshot from all disks of the machine; the machine goes on as it is. */
  CompletableFuture<Void> deleteSnapshot(String nameOrId);

  /** The screen as it was saved with a snapshot: a PNG picture at most 320 pixels wide, or null. */
  CompletableFuture<byte @Nullable []> snapshotPicture(String nameOrId);

  /** Figures for a status line; cheap. */
  Status status();

  /**
   * @param instructions executed since power-on
   * @param virtualNanos virtual time since power-on
   * @param diskReadBytes read from disks and CDs since power-on
   * @param diskWrittenBytes written since power-on
   * @param halted whether the processor waits for an interrupt
   * @param hint what the machine is doing, for a person, or empty
   */
  record Status(
      long instructions,
      long virtualNanos,
      long diskReadBytes,
      long diskWrittenBytes,
      boolean halted,
      String hint) {}
}
