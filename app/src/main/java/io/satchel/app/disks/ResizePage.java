package io.satchel.app.disks;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.LayeredDevice;
import javafx.scene.control.Button;
import javafx.scene.control.TextField;

/** Makes a disk larger, or smaller after a warning. */
public final class ResizePage extends DiskPage {

  private static final int SECTOR = 512;

  private final TextField size = new TextField();
  private final Button start;
  private long present;

  public ResizePage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "resize.title", "resize.text", back);
    setId("resize");
    size.setId("size");
    size.setMaxWidth(160);
    start = controls.button("start", "resize.start", this::resize);
    size.textProperty().addListener((_, _, _) -> ready());
    find(
        () -> {
          try (OpenedImage image = file.open()) {
            return image.device().size();
          }
        },
        found -> {
          present = found;
          size.setText(Sizes.of(found));
          subject(
              controls.text("resize.present", Sizes.of(found)),
              controls.field("resize.size", size),
              controls.help("resize.afterwards"));
          buttons(start);
          ready();
        });
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
    work(
        texts.get("resize.job", file.name()),
        _ -> {
          try (OpenedImage image = file.openForWriting()) {
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
