package io.satchel.app.disks;

import io.satchel.app.common.FileRow;
import io.satchel.app.library.Desktop;
import java.nio.file.Files;
import java.nio.file.Path;
import javafx.scene.control.Button;
import javafx.scene.control.RadioButton;
import javafx.scene.control.ToggleGroup;

/** Lays a disk over another one, or makes it stand alone; what is on it stays the same. */
public final class RebasePage extends DiskPage {

  private final Rebasing rebasing;
  private final RadioButton alone;
  private final RadioButton over;
  private final FileRow base;
  private final Button start;

  public RebasePage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "rebase.title", "rebase.text", back);
    setId("rebase");
    rebasing = new Rebasing(desktop.library(), file);
    alone = controls.radio("alone", "rebase.alone");
    over = controls.radio("over", "rebase.over");
    ToggleGroup group = new ToggleGroup();
    group.getToggles().addAll(alone, over);
    start = controls.button("start", "rebase.start", this::rebase);
    base =
        new FileRow(
            texts,
            "base",
            "rebase.base",
            () -> desktop.pickImage(texts.get("rebase.base")),
            this::ready);
    base.disableProperty().bind(over.selectedProperty().not());
    group.selectedToggleProperty().addListener((_, _, _) -> ready());
    find(rebasing::look, this::show);
  }

  private void show(Rebasing.Found found) {
    if (!found.layered()) {
      outcome(texts.get("rebase.format"), false);
      return;
    }
    if (found.snapshots() > 0) {
      outcome(texts.get("rebase.snapshots"), false);
      return;
    }
    boolean layered = found.below() != null;
    if (file.entry() != null) {
      ofMachine(found, layered);
      return;
    }
    subject(
        layered ? controls.text("rebase.below", found.below()) : controls.text("rebase.below.none"),
        alone,
        controls.help("rebase.alone.help"),
        over,
        base,
        controls.help("rebase.over.help"));
    alone.setDisable(!layered);
    (layered ? alone : over).setSelected(true);
    buttons(start);
    ready();
  }

  /** A machine's disk: what it lies over is the machine's affair, but it can stand alone. */
  private void ofMachine(Rebasing.Found found, boolean layered) {
    alone.setSelected(true);
    if (layered) {
      subject(
          controls.text("rebase.below", found.below()),
          controls.text("rebase.machine"),
          controls.help("rebase.alone.help"));
      buttons(start);
      ready();
    } else {
      outcome(texts.get("rebase.below.none"), true);
    }
  }

  private void ready() {
    Path chosen = base.file();
    boolean there =
        alone.isSelected()
            || chosen != null && Files.isRegularFile(chosen) && !chosen.equals(file.path());
    start.setDisable(!there);
    boolean missing = over.isSelected() && chosen != null && !chosen.toString().isBlank() && !there;
    outcome(missing ? texts.get("ask.missing.none") : "", false);
  }

  private void rebase() {
    Path chosen = over.isSelected() ? base.file() : null;
    work(
        texts.get("rebase.job", file.name()),
        progress -> {
          rebasing.run(chosen, progress);
          return file.path();
        },
        _ -> {
          subject();
          buttons();
          outcome(
              chosen == null ? texts.get("rebase.done.alone") : texts.get("rebase.done", chosen),
              true);
        });
  }

  @Override
  String untouched() {
    return texts.get("rebase.broken");
  }
}
