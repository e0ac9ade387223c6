package io.satchel.app.disks;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.TimelineFile;
import io.satchel.image.Images;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.TextField;

/** Makes a disk larger, or smaller after a warning. */
public final class ResizePage extends DiskPage {

  private static final int SECTOR = 512;

  private final TextField size = new TextField();
  private final CheckBox keep;
  private final Button start;
  private long present;

  public ResizePage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "resize.title", "resize.text", back);
    setId("resize");
    size.setId("size");
    size.setMaxWidth(160);
    start = controls.button("start", "resize.start", this::resize);
    size.textProperty().addListener((_, _, _) -> ready());
    keep = controls.check("keep", "resize.keep", false);
    find(this::look, this::show);
  }

  /**
   * What is known before.
   *
   * @param snapshots whether the image can hold snapshots
   * @param wanted whether it holds some, or the machine saves them by itself
   */
  private record Found(long size, boolean snapshots, boolean wanted) {}

  private Found look() throws IOException {
    try (OpenedImage image = file.open()) {
      Qcow2Device device = Images.qcow2(image.chain().getFirst().device());
      Entry entry = file.entry();
      boolean automatic = entry != null && TimelineFile.read(entry.folder()).everyMinutes() > 0;
      return new Found(
          image.device().size(),
          device != null,
          device != null && (automatic || !device.snapshots().list().isEmpty()));
    }
  }

  private void show(Found found) {
    present = found.size;
    size.setText(Sizes.of(found.size));
    keep.setSelected(found.wanted);
    List<Node> parts = new ArrayList<>();
    parts.add(controls.text("resize.present", Sizes.of(found.size)));
    parts.add(controls.field("resize.size", size));
    if (found.snapshots) {
      parts.add(keep);
      parts.add(controls.help("resize.keep.help"));
    }
    parts.add(controls.help("resize.afterwards"));
    subject(parts.toArray(Node[]::new));
    buttons(start);
    ready();
  }

  /** Keeps the disk as it is as a snapshot, so that there is a way back. */
  private void keepPresent(OpenedImage image) throws IOException {
    Qcow2Device device = Images.qcow2(image.chain().getFirst().device());
    if (device == null) {
      return;
    }
    Instant now = Instant.now();
    String name = "before resizing " + now.truncatedTo(ChronoUnit.SECONDS);
    device.snapshots().create(name, now, 0, 0);
    Entry entry = file.entry();
    if (entry != null) {
      TimelineFile.read(entry.folder())
          .saved(name, texts.get("resize.kept", Sizes.of(image.device().size())))
          .write(entry.folder());
    }
  }

  private long wanted() {
    long bytes = Sizes.parse(size.getText());
    return bytes < 0 ? -1 : bytes / SECTOR * SECTOR;
  }

  private void ready() {
    long bytes = wanted();
    start.setDisable(bytes < SECTOR || Sizes.of(bytes).equals(Sizes.of(present)));
    if (bytes < SECTOR) {
      outcome(texts.get("disk.size.unclear"), false);
    } else if (bytes < present && !Sizes.of(bytes).equals(Sizes.of(present))) {
      outcome(texts.get("resize.shrinks"), false);
    } else {
      outcome("", true);
    }
  }

  private void resize() {
    long bytes = wanted();
    if (bytes < present
        && !Dialogs.confirm(
            desktop.stage(), texts, "resize.shrink.title", "resize.shrinks", "resize.shrink.yes")) {
      return;
    }
    boolean kept = keep.isSelected();
    work(
        texts.get("resize.job", file.name()),
        _ -> {
          try (OpenedImage image = file.openForWriting()) {
            if (kept) {
              keepPresent(image);
            }
            ((LayeredDevice) image.chain().getFirst().device()).resize(bytes);
            image.device().flush();
            return image.device().size();
          }
        },
        now -> {
          present = now;
          buttons();
          outcome(texts.get("resize.done", Sizes.of(now)), true);
        });
  }
}
