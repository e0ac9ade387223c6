package io.satchel.app.machine;

import io.satchel.app.common.Controls;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineState;
import java.util.Locale;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;

/**
 * One quiet line under the picture: the way back for the pointer, the state, the speed, the disk.
 */
final class StatusLine extends HBox {

  private static final int MEGA = 1_000_000;

  private final Texts texts;
  private final Machine machine;
  private final Label pointer = new Label();
  private final Label state = new Label();
  private final Label speed = new Label();
  private final Label disk = new Label();
  private long lastInstructions;
  private long lastVirtual;
  private long lastHost = System.nanoTime();
  private long lastRead;
  private long lastWritten;

  /**
   * @param why shows why the machine is as fast as it is, or no longer
   */
  StatusLine(Texts texts, Machine machine, Runnable why) {
    super(16);
    this.texts = texts;
    this.machine = machine;
    setPadding(new Insets(4, 10, 4, 10));
    setId("status");
    Region space = new Region();
    setHgrow(space, Priority.ALWAYS);
    pointer.setId("pointer-hint");
    speed.setId("speed");
    disk.setId("disk");
    state.setId("state");
    setAlignment(Pos.CENTER_LEFT);
    Button reason = new Controls(texts).button("why", "status.why", why);
    getChildren().addAll(pointer, space, state, disk, speed, reason);
  }

  void pointer(boolean grabbed) {
    pointer.setText(texts.get(grabbed ? "status.pointer.release" : "status.pointer.grab"));
  }

  /** Shows the figures since the last call. */
  void refresh() {
    Machine.Status now = machine.status();
    long host = System.nanoTime();
    double seconds = Math.max(1e-3, (host - lastHost) / 1e9);
    MachineState machineState = machine.state();
    if (machineState == MachineState.RUNNING) {
      double mips = (now.instructions() - lastInstructions) / seconds / MEGA;
      double pace = (now.virtualNanos() - lastVirtual) / 1e9 / seconds;
      state.setText(now.halted() ? texts.get("status.idle") : texts.get("status.running"));
      speed.setText(
          String.format(
              Locale.ROOT,
              "%s  %.0f MIPS  %.0f %%",
              now.hint(),
              Math.max(0, mips),
              Math.min(100, pace * 100)));
    } else {
      state.setText(texts.get("status." + machineState.name().toLowerCase(Locale.ROOT)));
      speed.setText("");
    }
    boolean reads = now.diskReadBytes() != lastRead;
    boolean writes = now.diskWrittenBytes() != lastWritten;
    disk.setText(
        texts.get(writes ? "status.disk.write" : reads ? "status.disk.read" : "status.disk.still"));
    lastInstructions = now.instructions();
    lastVirtual = now.virtualNanos();
    lastHost = host;
    lastRead = now.diskReadBytes();
    lastWritten = now.diskWrittenBytes();
  }
}
