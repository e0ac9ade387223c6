package io.satchel.app.library;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.JsonFile;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sentences;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/** What is wrong with a machine's files, and every way on. Nothing is changed by looking. */
final class RepairPage extends Page {

  private final Desktop desktop;
  private final Runnable back;
  private final Runnable removed;
  private Entry entry;

  /**
   * @param back shows the library
   * @param removed asks whether the machine is to be removed
   */
  RepairPage(Desktop desktop, Entry entry, Runnable back, Runnable removed) {
    super(desktop.texts(), desktop.texts().get("repair.title", entry.name()), back);
    this.desktop = desktop;
    this.entry = entry;
    this.back = back;
    this.removed = removed;
    setId("repair");
    fill();
  }

  private void fill() {
    MachineFile file = entry.file();
    if (file == null) {
      unreadable();
    } else {
      missing(file);
    }
  }

  /** Why the machine's file cannot be read, in the reader's language. */
  private String unreadableBecause() {
    try {
      JsonFile.read(entry.json(), MachineFile.class, MachineFile.VERSION);
      return "";
    } catch (IOException e) {
      return Sentences.of(texts, e);
    }
  }

  private void unreadable() {
    Label problem = io.satchel.app.common.Controls.paragraph(unreadableBecause());
    problem.getStyleClass().add("warning");
    problem.setId("problem");
    show(controls.text("repair.unreadable"), problem, controls.help("repair.untouched"));
    Path previous = JsonFile.previous(entry.json());
    var remove = controls.button("remove", "repair.remove", removed);
    if (Files.isRegularFile(previous)) {
      show(
          controls.text("repair.unreadable"),
          problem,
          controls.text("repair.previous"),
          controls.help("repair.untouched"));
      actions(remove, controls.button("previous", "repair.usePrevious", this::restore));
    } else {
      actions(remove);
    }
  }

  private void restore() {
    try {
      entry = desktop.library().restorePrevious(entry);
      if (entry.problem() == null) {
        back.run();
      } else {
        fill();
      }
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }

  private void missing(MachineFile file) {
    List<Path> gone = Library.missing(entry);
    if (gone.isEmpty()) {
      show(controls.text("repair.whole"));
      actions(controls.button("done", "repair.done", back));
      return;
    }
    VBox rows = new VBox(12);
    for (Path path : gone) {
      Label name = io.satchel.app.common.Controls.paragraph(path.toString());
      HBox.setHgrow(name, Priority.ALWAYS);
      var choose = controls.button("choose", "repair.choose", () -> choose(file, path));
      choose.setAccessibleText(texts.get("repair.choose") + " " + path.getFileName());
      rows.getChildren().add(new HBox(12, name, choose));
    }
    show(controls.text("repair.missing"), rows, controls.help("repair.untouched"));
    actions(
        controls.button("remove", "repair.remove", removed),
        controls.button("again", "repair.again", this::again));
  }

  private void again() {
    entry = desktop.library().read(entry.folder());
    if (entry.problem() == null) {
      back.run();
    } else {
      fill();
    }
  }

  private void choose(MachineFile file, Path gone) {
    Path found = desktop.pickImage(texts.get("repair.choose.title", gone.getFileName()));
    if (found == null) {
      return;
    }
    String name = desktop.library().nameFor(entry.folder(), found);
    UnaryOperator<@Nullable String> swap =
        each -> each != null && entry.resolve(each).equals(gone) ? name : each;
    List<Disk> disks =
        file.disks().stream()
            .map(
                disk ->
                    disk.withFile(String.valueOf(swap.apply(disk.file())))
                        .withLayers(
                            disk.layers().stream()
                                .map(layer -> String.valueOf(swap.apply(layer)))
                                .toList()))
            .toList();
    try {
      entry =
          desktop
              .library()
              .save(
                  entry.folder(),
                  file.withDisks(disks)
                      .withMedia(
                          swap.apply(file.cd()),
                          swap.apply(file.floppyA()),
                          swap.apply(file.floppyB())));
      if (entry.problem() == null) {
        back.run();
      } else {
        fill();
      }
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }
}
