package io.satchel.app.launch;

import io.satchel.app.common.Controls;
import io.satchel.app.library.Desktop;
import javafx.beans.binding.Bindings;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.control.ToggleButton;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;

/** The window's lower edge: what was done last, and the list of tasks. */
final class WindowFoot extends VBox {

  private final Label notice = new Label();
  private final ToggleButton tasks = new ToggleButton();
  private final BooleanProperty waiting = new SimpleBooleanProperty();
  private final BooleanProperty quiet = new SimpleBooleanProperty();

  WindowFoot(Desktop desktop) {
    getStyleClass().add("window-foot");
    Controls controls = new Controls(desktop.texts());
    notice.setId("said");
    notice.setWrapText(true);
    HBox.setHgrow(notice, Priority.ALWAYS);
    notice.setMaxWidth(Double.MAX_VALUE);
    notice.setMinHeight(Region.USE_PREF_SIZE);
    tasks.setId("tasks-button");
    tasks.setMinWidth(Region.USE_PREF_SIZE);
    controls.describe(tasks, "jobs.title");
    var count = desktop.jobs().count();
    tasks
        .textProperty()
        .bind(
            Bindings.createStringBinding(
                () -> desktop.texts().get("jobs.count", count.get()), count));
    HBox line = new HBox(12, notice, tasks);
    line.setAlignment(Pos.CENTER_LEFT);
    line.setPadding(new Insets(6, 16, 6, 16));
    var list = desktop.jobs().view();
    list.visibleProperty().bind(tasks.selectedProperty().or(waiting.and(count.greaterThan(0))));
    list.managedProperty().bind(list.visibleProperty());
    var shown =
        notice
            .textProperty()
            .isNotEmpty()
            .or(count.greaterThan(0))
            .and(quiet.not().or(count.greaterThan(0)));
    visibleProperty().bind(shown.and(desktop.stage().fullScreenProperty().not()));
    managedProperty().bind(visibleProperty());
    getChildren().addAll(list, line);
  }

  /** Tells what was done. */
  void say(String sentence) {
    notice.setText(sentence);
  }

  /** The window waits for a task, so the list is open. */
  void waiting(boolean now) {
    waiting.set(now);
  }

  /** A machine is on the screen, and only work in progress is worth a line. */
  void quiet(boolean now) {
    quiet.set(now);
    if (now) {
      notice.setText("");
    }
  }
}
