package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.image.OpenedImage;
import io.satchel.image.compact.Compact;
import io.satchel.image.compact.Compact.Saving;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;

/** What compacting would save, by file system, and doing it. */
public final class CompactPage extends DiskPage {

  private static final double BAR_WIDTH = 480;
  private static final double BAR_HEIGHT = 18;

  private final CheckBox compress;
  private final Button start;
  private final Button undo;
  private final Path before;

  public CompactPage(Desktop desktop, DiskFile file, Runnable back) {
    this(
        desktop,
        file,
        back,
        file.path().resolveSibling(file.path().getFileName() + ".before-compact"));
  }

  private CompactPage(Desktop desktop, DiskFile file, Runnable back, Path before) {
    super(
        desktop,
        file,
        "compact.title",
        "compact.text",
        () -> {
          forget(before);
          back.run();
        });
    setId("compact");
    this.before = before;
    compress = controls.check("compress", "compact.compress", false);
    start = controls.button("start", "compact.start", this::compact);
    undo = controls.button("undo", "compact.undo", this::undo);
    look();
  }

  private record Found(Compact.Plan plan, long taken, String format) {}

  private void look() {
    find(
        () -> {
          try (OpenedImage image = file.open()) {
            return new Found(Compact.plan(image), taken(), image.format());
          }
        },
        this::show);
  }

  private long taken() throws IOException {
    try (HostFile opened = HostFile.open(file.path(), false, HostFile.Locking.NO)) {
      return opened.allocated();
    }
  }

  private void show(Found found) {
    List<Node> nodes = new ArrayList<>();
    nodes.add(controls.text("compact.total", Sizes.of(found.plan.total()), Sizes.of(found.taken)));
    for (Saving each : found.plan.savings()) {
      nodes.add(bar(each));
    }
    if (found.plan.savings().isEmpty()) {
      nodes.add(controls.text("compact.nothing.known"));
    }
    compress.setDisable(!found.format.equals("qcow2"));
    nodes.add(compress);
    nodes.add(controls.help("compact.compress.help"));
    subject(nodes.toArray(Node[]::new));
    buttons(start);
  }

  /** A file system as a bar: in use, free and stored, free and not stored. */
  private Node bar(Saving saving) {
    double scale = BAR_WIDTH / Math.max(1, saving.size());
    Region used = part("space-used", (saving.size() - saving.free()) * scale);
    Region stored = part("space-save", saving.stored() * scale);
    HBox bar = new HBox(used, stored);
    bar.setMaxWidth(BAR_WIDTH);
    bar.setMinWidth(BAR_WIDTH);
    bar.getStyleClass().add("space-bar");
    String name = saving.label().isBlank() ? saving.kind() : saving.kind() + " " + saving.label();
    Label text =
        Controls.paragraph(
            texts.get(
                "compact.bar",
                name,
                Sizes.of(saving.size() - saving.free()),
                Sizes.of(saving.size()),
                Sizes.of(saving.stored())));
    bar.setAccessibleText(text.getText());
    return new VBox(4, text, bar);
  }

  private static Region part(String style, double width) {
    Region region = new Region();
    region.getStyleClass().add(style);
    region.setMinSize(width, BAR_HEIGHT);
    region.setMaxSize(width, BAR_HEIGHT);
    return region;
  }

  private record Result(long before, long after, boolean undoable) {}

  private void compact() {
    boolean packed = compress.isSelected() && !compress.isDisabled();
    work(
        texts.get("compact.job", file.name()),
        progress -> {
          long old = taken();
          forget(before);
          boolean undoable = link();
          try {
            Compact.run(file.path(), file.reading(), packed, Map.of(), progress);
          } catch (IOException | RuntimeException e) {
            forget(before);
            throw e;
          }
          return new Result(old, taken(), undoable);
        },
        result -> {
          outcome(
              texts.get("compact.done", Sizes.of(result.before), Sizes.of(result.after))
                  + (result.undoable ? "\n" + texts.get("compact.undo.until") : ""),
              true);
          if (result.undoable) {
            buttons(undo);
          } else {
            buttons();
          }
        });
  }

  /** A second name for the old file; it takes no space beyond what the old file took. */
  private boolean link() {
    try {
      Files.createLink(before, file.path());
      return true;
    } catch (IOException | UnsupportedOperationException _) {
      // This file system has no second names; then there is no way back, and the page says none.
      return false;
    }
  }

  private void undo() {
    try {
      Files.move(before, file.path(), StandardCopyOption.REPLACE_EXISTING);
      outcome(texts.get("compact.undone", file.path()), true);
      look();
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }

  private static void forget(Path before) {
    try {
      Files.deleteIfExists(before);
    } catch (IOException e) {
      System.getLogger(CompactPage.class.getName())
          .log(System.Logger.Level.WARNING, "removing " + before, e);
    }
  }
}
