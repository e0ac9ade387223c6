package io.satchel.app.library;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Library.Entry;
import io.satchel.image.Answers;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import javafx.scene.control.Label;
import javafx.scene.control.RadioButton;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleGroup;
import javafx.scene.layout.VBox;

/** What is asked about a machine of the library: its name, a copy, its removal. */
public final class MachineDialogs {

  private static final int LISTED = 8;

  private final Desktop desktop;
  private final Texts texts;
  private final Controls controls;
  private final Consumer<String> said;
  private final Runnable changed;

  /**
   * @param said hears what came of it, in a sentence
   * @param changed hears that the library is another
   */
  public MachineDialogs(Desktop desktop, Consumer<String> said, Runnable changed) {
    this.desktop = desktop;
    texts = desktop.texts();
    controls = new Controls(texts);
    this.said = said;
    this.changed = changed;
  }

  private void attempt(Attempt attempt) {
    try {
      attempt.run();
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }

  /** Something that may fail. */
  private interface Attempt {
    void run() throws IOException;
  }

  /** Asks for another name. */
  public void rename(Entry entry) {
    TextField name = new TextField(entry.name());
    name.setId("name");
    VBox form = new VBox(10, controls.field("rename.name", name));
    if (Dialogs.form(
            desktop.stage(),
            texts,
            texts.get("rename.title", entry.name()),
            form,
            texts.get("rename.yes"))
        && !name.getText().isBlank()) {
      attempt(
          () -> {
            desktop.library().rename(entry, name.getText());
            changed.run();
          });
    }
  }

  /**
   * Asks for the kind of copy.
   *
   * @param answers what was answered to questions that the machine's disks raised
   */
  public void duplicate(Entry entry, Answers answers) {
    TextField name = new TextField(texts.get("duplicate.suggested", entry.name()));
    name.setId("name");
    ToggleGroup kind = new ToggleGroup();
    RadioButton thin = controls.radio("overlay", "duplicate.overlay");
    RadioButton full = controls.radio("full", "duplicate.full");
    thin.setToggleGroup(kind);
    full.setToggleGroup(kind);
    thin.setSelected(true);
    VBox form =
        new VBox(
            10,
            controls.field("duplicate.name", name),
            thin,
            controls.help("duplicate.overlay.help"),
            full,
            controls.help("duplicate.full.help"));
    if (!Dialogs.form(
            desktop.stage(),
            texts,
            texts.get("duplicate.title", entry.name()),
            form,
            texts.get("duplicate.yes"))
        || name.getText().isBlank()) {
      return;
    }
    String called = name.getText().strip();
    boolean thinly = thin.isSelected();
    desktop
        .jobs()
        .start(
            texts.get("duplicate.job", entry.name()),
            progress ->
                thinly
                    ? desktop.library().duplicateAsOverlay(entry, called, answers)
                    : desktop.library().duplicateInFull(entry, called, answers, progress),
            Jobs.told(
                desktop.stage(),
                texts,
                sentence -> {
                  said.accept(sentence);
                  changed.run();
                },
                made -> texts.get("duplicate.done", made.name())));
  }

  /** Asks where to, and moves the machine's folder there. */
  public void move(Entry entry) {
    Path parent = desktop.picker().folder(desktop.stage(), texts.get("move.where", entry.name()));
    if (parent != null) {
      desktop
          .jobs()
          .start(
              texts.get("move.job", entry.name()),
              progress -> MachineMove.run(desktop.library(), entry, parent, progress),
              Jobs.told(
                  desktop.stage(),
                  texts,
                  sentence -> {
                    said.accept(sentence);
                    changed.run();
                  },
                  moved -> texts.get("move.done", moved.name(), moved.folder())));
    }
  }

  /** Says what would be deleted and what stays, and deletes it if that is agreed to. */
  public void remove(Entry entry) {
    attempt(
        () -> {
          List<Path> inside = Library.contents(entry);
          VBox content = new VBox(10, controls.text("remove.text", Sizes.of(Library.size(entry))));
          content.getChildren().add(list(inside, entry.folder()));
          List<Path> outside = Library.outside(entry);
          if (!outside.isEmpty()) {
            content.getChildren().addAll(controls.text("remove.stays"), list(outside, null));
          }
          if (Dialogs.danger(
              desktop.stage(),
              texts,
              texts.get("remove.title", entry.name()),
              content,
              texts.get("remove.yes"))) {
            desktop.library().remove(entry);
            said.accept(texts.get("remove.done", entry.name()));
            changed.run();
          }
        });
  }

  private Label list(List<Path> files, @org.jspecify.annotations.Nullable Path folder) {
    StringBuilder lines = new StringBuilder();
    for (Path file : files.subList(0, Math.min(LISTED, files.size()))) {
      lines.append("• ").append(folder == null ? file : folder.relativize(file)).append('\n');
    }
    if (files.size() > LISTED) {
      lines.append(texts.get("remove.more", files.size() - LISTED));
    }
    Label label = Controls.paragraph(lines.toString().stripTrailing());
    label.getStyleClass().add("quiet");
    return label;
  }

  /** The page on which a broken machine is repaired. */
  public io.satchel.app.common.Page repair(Entry entry) {
    return new RepairPage(desktop, entry, changed, () -> remove(entry));
  }
}
