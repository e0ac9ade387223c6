package io.satchel.app.disks;

import io.satchel.app.common.Jobs;
import io.satchel.app.common.Lookup;
import io.satchel.app.common.OutcomeLabel;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sentences;
import io.satchel.app.library.Desktop;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import javafx.concurrent.Task;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ProgressBar;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/**
 * The shape of every page that does work on disks: what would be done, a button; then progress with
 * cancel; then what came of it.
 */
abstract class WorkPage extends Page {

  protected final Desktop desktop;
  private final VBox subject = new VBox(14);
  private final VBox state = new VBox(10);
  private final OutcomeLabel outcome = new OutcomeLabel();

  WorkPage(Desktop desktop, String title, Runnable back, Node... about) {
    super(desktop.texts(), title, back);
    this.desktop = desktop;
    add(about);
    add(subject, state, outcome);
  }

  /** What is shown between the explanation and the outcome. */
  final void subject(Node... nodes) {
    subject.getChildren().setAll(nodes);
  }

  /** Says what came of it, or what stands in the way. */
  final void outcome(String text, boolean good) {
    state.getChildren().clear();
    outcome.say(text, good);
  }

  /** Finds something out off the window's thread; an error becomes the outcome. */
  final <T> void find(Callable<T> work, Consumer<T> next) {
    outcome.clear();
    state.getChildren().setAll(controls.text("disk.looking"));
    Lookup.start(
        texts,
        work,
        found -> {
          state.getChildren().clear();
          next.accept(found);
        },
        problem -> outcome(Sentences.of(texts, problem), false));
  }

  /** Does the work; the page shows how far it is, and the list of tasks does too. */
  final <T> void work(String title, Jobs.Work<T> work, Consumer<T> next) {
    ProgressBar bar = new ProgressBar();
    bar.setMaxWidth(Double.MAX_VALUE);
    bar.setAccessibleText(title);
    Label message = new Label();
    actionsOff(true);
    Task<T> task =
        desktop
            .jobs()
            .start(
                title,
                work,
                new Jobs.Outcome<T>() {
                  @Override
                  public void done(T result) {
                    actionsOff(false);
                    state.getChildren().clear();
                    next.accept(result);
                  }

                  @Override
                  public void failed(IOException problem) {
                    actionsOff(false);
                    outcome(Sentences.of(texts, problem) + "\n" + untouched(), false);
                  }

                  @Override
                  public void cancelled() {
                    actionsOff(false);
                    outcome(texts.get("disk.cancelled", untouched()), true);
                  }
                });
    bar.progressProperty().bind(task.progressProperty());
    message.textProperty().bind(task.messageProperty());
    Button cancel = controls.button("cancel", "dialog.cancel", task::cancel);
    HBox.setHgrow(bar, Priority.ALWAYS);
    HBox row = new HBox(10, bar, cancel);
    outcome.clear();
    state.getChildren().setAll(row, message);
  }

  /** What became of the disks when the work was not finished. */
  abstract String untouched();

  private @Nullable Node[] shown = {};

  /** The page's own buttons; they wait while work is under way. */
  final void buttons(Node... nodes) {
    shown = nodes;
    actions(nodes);
    focusFirst();
  }

  private void actionsOff(boolean off) {
    for (Node each : shown) {
      if (each != null) {
        each.setDisable(off);
      }
    }
  }
}
