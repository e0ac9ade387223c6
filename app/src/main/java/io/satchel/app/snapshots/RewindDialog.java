package io.satchel.app.snapshots;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Lookup;
import io.satchel.app.library.Desktop;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Snapshot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javafx.scene.control.Label;
import javafx.scene.control.Slider;
import javafx.scene.image.Image;
import javafx.scene.image.ImageView;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;

/** A slider over the last minutes of a machine that runs, with the screen of each moment. */
public final class RewindDialog {

  private static final double WIDTH = 400;
  private static final double HEIGHT = 300;

  private final Desktop desktop;
  private final Texts texts;
  private final Rewind rewind;
  private final Label ago = Controls.paragraph("");
  private final ImageView screen = new ImageView();

  public RewindDialog(Desktop desktop, Rewind rewind) {
    this.desktop = desktop;
    texts = desktop.texts();
    this.rewind = rewind;
  }

  /** Asks; {@code chosen} gets the moment when one was agreed to. */
  public void show(Consumer<Snapshot> chosen) {
    Lookup.start(
        texts,
        rewind::moments,
        moments -> {
          if (moments.isEmpty()) {
            Dialogs.tell(
                desktop.stage(), texts, texts.get("rewind.title"), texts.get("rewind.none"));
          } else {
            ask(moments).ifPresent(chosen);
          }
        },
        problem -> Dialogs.error(desktop.stage(), texts, problem));
  }

  private Optional<Snapshot> ask(List<Snapshot> moments) {
    int newest = moments.size() - 1;
    Slider slider = new Slider(0, Math.max(1, newest), newest);
    slider.setId("moment");
    slider.setMajorTickUnit(1);
    slider.setMinorTickCount(0);
    slider.setSnapToTicks(true);
    slider.setShowTickMarks(true);
    slider.setBlockIncrement(1);
    slider.setDisable(newest == 0);
    ago.setId("ago");
    screen.setFitWidth(WIDTH);
    screen.setFitHeight(HEIGHT);
    screen.setPreserveRatio(true);
    screen.setAccessibleText(texts.get("rewind.screen"));
    StackPane frame = new StackPane(screen);
    frame.setMinSize(WIDTH, HEIGHT);
    frame.getStyleClass().add("card-screen");
    slider
        .valueProperty()
        .addListener((_, _, value) -> look(moments.get(index(value.doubleValue(), newest))));
    look(moments.get(newest));
    Controls controls = new Controls(texts);
    VBox form =
        new VBox(
            12,
            controls.text("rewind.text"),
            frame,
            ago,
            controls.field("rewind.moment", slider),
            controls.help("rewind.kept"));
    return Dialogs.form(
            desktop.stage(), texts, texts.get("rewind.title"), form, texts.get("rewind.yes"))
        ? Optional.of(moments.get(index(slider.getValue(), newest)))
        : Optional.empty();
  }

  private static int index(double value, int newest) {
    return Math.clamp(Math.round(value), 0, newest);
  }

  private void look(Snapshot moment) {
    long seconds = Math.max(0, Duration.between(moment.time(), Instant.now()).toSeconds());
    ago.setText(texts.get("rewind.ago", seconds / 60, seconds % 60));
    Lookup.start(
        texts,
        () -> Optional.ofNullable(rewind.picture(moment)),
        png -> png.ifPresent(bytes -> screen.setImage(new Image(new ByteArrayInputStream(bytes)))),
        RewindDialog::log);
  }

  private static void log(IOException e) {
    System.getLogger(RewindDialog.class.getName())
        .log(System.Logger.Level.DEBUG, "the picture of a moment", e);
  }
}
